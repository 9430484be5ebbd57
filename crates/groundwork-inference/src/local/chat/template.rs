//! The prompt of a conversation, written by the template that the model brings.

use super::gguf::Unusable;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};
use serde::{Deserialize, Serialize};

/// Steps that a template may take.
const FUEL: u64 = 5_000_000;
const NAME: &str = "chat";

/// For models of the ChatML family that bring none.
const CHATML: &str = "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}{{ '<|im_start|>assistant\n' }}";

/// One message, in the words that templates know: `system`, `user`, `assistant`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) role: String,
    pub(super) content: String,
}

pub(super) struct Template {
    environment: Environment<'static>,
    begin: String,
    end: String,
}

impl Template {
    /// The model's own `source`; ChatML when there is none and the model knows its marks.
    pub(super) fn new(source: Option<&str>, knows_chatml: bool, (begin, end): (&str, &str)) -> Result<Self, Unusable> {
        let source = match source {
            Some(source) => source,
            None if knows_chatml => CHATML,
            None => return Err(Unusable("it brings no chat template, and does not know the marks of ChatML".to_owned())),
        };
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_syntax(
            SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(|error| Unusable(error.to_string()))?,
        );
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        // Templates are written for Python's strings and lists.
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<String, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_template_owned(NAME, source.to_owned()).map_err(|error| Unusable(format!("its chat template: {error}")))?;
        Ok(Self { environment, begin: begin.to_owned(), end: end.to_owned() })
    }

    pub(super) fn prompt(&self, messages: &[Message]) -> Result<String, Unusable> {
        let template = self.environment.get_template(NAME).map_err(|error| Unusable(error.to_string()))?;
        let values = context! {
            messages => Value::from(Serde(messages)),
            add_generation_prompt => true,
            bos_token => self.begin.as_str(),
            eos_token => self.end.as_str(),
            enable_thinking => false,
        };
        template.render(values).map_err(|error| Unusable(format!("its chat template refuses the messages: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: &str, content: &str) -> Message {
        Message { role: role.to_owned(), content: content.to_owned() }
    }

    #[test]
    fn a_template_of_the_model_and_chatml_without_one() {
        let own = "{{ bos_token }}{% for m in messages %}{% if m['role'] not in ['user', 'system'] %}{{ raise_exception('no ' + m['role']) }}{% endif %}[{{ m['role'].upper() }}]{{ m['content'].strip() }}{% endfor %}";
        let own = Template::new(Some(own), false, ("<s>", "</s>")).unwrap();
        assert_eq!(own.prompt(&[message("user", " <b> ")]).unwrap(), "<s>[USER]<b>");
        assert!(own.prompt(&[message("assistant", "x")]).unwrap_err().to_string().contains("no assistant"));
        let chatml = Template::new(None, true, ("", "")).unwrap();
        assert_eq!(chatml.prompt(&[message("user", "hi")]).unwrap(), "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
        assert!(Template::new(None, false, ("", "")).is_err());
        assert!(Template::new(Some("{% for"), true, ("", "")).is_err());
    }

    #[test]
    fn an_endless_template_ends() {
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        assert!(Template::new(Some(endless), true, ("", "")).unwrap().prompt(&[]).is_err());
    }
}
