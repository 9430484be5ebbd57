//! Reads declarations and checks what they refer to. An error names the file, the key and the fix.

use super::{Assistant, Deployment, EXTRACTIVE, File, Key, Kind, Limits, Model, Template, built_in};
use crate::settings::AppliedFile;
use groundwork_core::ids::{InvalidName, KnowledgeBaseId, ModelName, TemplateId};
use groundwork_core::prompt;
use std::collections::{BTreeMap, BTreeSet};

/// Why a file of declarations was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {path}: {problem}; {fix}")]
pub struct DeclareError {
    pub file: String,
    /// The key, like `assistants.hr.model`.
    pub path: String,
    pub problem: String,
    pub fix: String,
}

/// Reads all files and checks them together, without applying anything: what `check-config` calls. `targets` are the names that
/// deployments may use.
pub fn check(files: &[AppliedFile], targets: &[String]) -> Result<Vec<File>, DeclareError> {
    let parsed: Vec<File> = files.iter().map(parse).collect::<Result<_, _>>()?;
    let built_in = built_in(targets);
    let known = Known::of(parsed.iter().chain([&built_in]), targets);
    let (mut declared_in, mut said) = (BTreeMap::new(), Said::new());
    for (source, file) in files.iter().zip(&parsed) {
        let at = Place { file: &source.name };
        unique(&at, file, &mut declared_in)?;
        for id in file.knowledge_bases.keys() {
            at.name::<KnowledgeBaseId>("knowledge_bases", id)?;
        }
        for (id, template) in &file.templates {
            at.template(id, template)?;
        }
        for (id, model) in &file.models {
            at.model(id, model, &known)?;
            at.agrees(id, model, &mut said)?;
        }
        for (id, assistant) in &file.assistants {
            at.assistant(id, assistant, &known)?;
        }
        for (id, key) in &file.keys {
            at.key(id, key)?;
        }
    }
    Ok(parsed)
}

fn parse(file: &AppliedFile) -> Result<File, DeclareError> {
    let refuse = |path: String, error: &toml::de::Error| {
        let line = error.span().map(|span| file.text[..span.start.min(file.text.len())].matches('\n').count() + 1);
        DeclareError {
            file: match line {
                Some(line) => format!("{}, line {line}", file.name),
                None => file.name.clone(),
            },
            path: if path.is_empty() || path == "." { "the file".to_owned() } else { path },
            problem: error.message().trim().replace('\n', " "),
            fix: "correct it as docs/configuration.md describes".to_owned(),
        }
    };
    let deserializer = toml::Deserializer::parse(&file.text).map_err(|error| refuse(String::new(), &error))?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| refuse(error.path().to_string(), error.inner()))
}

/// The names that may be referred to.
struct Known<'a> {
    targets: BTreeSet<&'a str>,
    knowledge_bases: BTreeSet<&'a str>,
    templates: BTreeSet<&'a str>,
    models: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    fn of(files: impl Iterator<Item = &'a File> + Clone, targets: &'a [String]) -> Self {
        Self {
            targets: targets.iter().map(String::as_str).chain([EXTRACTIVE]).collect(),
            knowledge_bases: files.clone().flat_map(|file| file.knowledge_bases.keys()).map(String::as_str).collect(),
            templates: files.clone().flat_map(|file| file.templates.keys()).map(String::as_str).collect(),
            models: files.flat_map(|file| file.models.keys()).map(String::as_str).collect(),
        }
    }
}

/// Assistants and models are both asked for by `model`, so they share their names.
fn unique<'a>(at: &Place<'a>, file: &'a File, declared_in: &mut BTreeMap<(&'static str, &'a str), &'a str>) -> Result<(), DeclareError> {
    let names = (file.knowledge_bases.keys().map(|id| ("knowledge base", "knowledge_bases", id)))
        .chain(file.templates.keys().map(|id| ("template", "templates", id)))
        .chain(file.models.keys().map(|id| ("model or assistant", "models", id)))
        .chain(file.assistants.keys().map(|id| ("model or assistant", "assistants", id)))
        .chain(file.keys.keys().map(|id| ("key", "keys", id)));
    for (space, table, id) in names {
        if let Some(before) = declared_in.insert((space, id), at.file) {
            return Err(at.error(
                format!("{table}.{id}"),
                format!("the {space} {id} is declared in {before} too"),
                "rename one of the two",
            ));
        }
    }
    Ok(())
}

/// Of each deployment, by target and model, what was said of it and by which model.
type Said<'a> = BTreeMap<(&'a str, Option<&'a str>), (Option<(Kind, &'a str)>, Option<(Limits, &'a str)>)>;

/// Where in which file.
struct Place<'a> {
    file: &'a str,
}

impl Place<'_> {
    fn name<T: TryFrom<String, Error = InvalidName>>(&self, table: &str, id: &str) -> Result<T, DeclareError> {
        T::try_from(id.to_owned()).map_err(|invalid| self.error(format!("{table}.{id:?}"), invalid.to_string(), "rename it"))
    }

    fn template(&self, id: &str, template: &Template) -> Result<(), DeclareError> {
        let name: TemplateId = self.name("templates", id)?;
        prompt::Template::new(name, &template.system, &template.question)
            .map_err(|error| self.error(format!("templates.{id}"), error.to_string(), "correct the template"))?;
        Ok(())
    }

    fn model(&self, id: &str, model: &Model, known: &Known<'_>) -> Result<(), DeclareError> {
        self.name::<ModelName>("models", id)?;
        if model.deployments.is_empty() {
            return Err(self.error(format!("models.{id}.deployments"), "it is empty", "name at least one target"));
        }
        for (at, deployment) in model.deployments.iter().enumerate() {
            let path = format!("models.{id}.deployments[{at}]");
            if !known.targets.contains(deployment.target.as_str()) {
                return Err(self.missing(format!("{path}.target"), "target", &deployment.target, known.targets.iter().copied()));
            }
            self.deployment(&path, deployment)?;
        }
        let shares = [("retries", Some(model.retries.share)), ("hedge", model.hedge.map(|hedge| hedge.share))];
        for (name, share) in shares.into_iter().filter_map(|(name, share)| Some((name, share?))) {
            if !(0.0..=1.0).contains(&share) {
                return Err(self.error(format!("models.{id}.{name}.share"), format!("{share} is no part of the calls"), "use 0 to 1"));
            }
        }
        if let Some(every) = model.probe_ms.filter(|every| *every < MIN_PROBE_MS) {
            return Err(self.error(format!("models.{id}.probe_ms"), format!("{every} is too often"), "use at least 1000"));
        }
        if model.window < MIN_WINDOW {
            return Err(self.error(format!("models.{id}.window"), format!("{} tokens hold no prompt", model.window), "use at least 1024"));
        }
        Ok(())
    }

    /// A deployment may stand behind several models, and there is one of it: what they say of it must be the same.
    fn agrees<'a>(&self, id: &'a str, model: &'a Model, said: &mut Said<'a>) -> Result<(), DeclareError> {
        for (at, deployment) in model.deployments.iter().enumerate() {
            let (kind, limits) = said.entry((&deployment.target, deployment.model.as_deref())).or_default();
            let other = (deployment.kind.and_then(|own| kind.filter(|(kind, _)| *kind != own)).map(|(_, other)| ("kind", other)))
                .or(deployment.limits.and_then(|own| limits.filter(|(limits, _)| *limits != own)).map(|(_, other)| ("limits", other)));
            if let Some((what, other)) = other {
                let path = format!("models.{id}.deployments[{at}].{what}");
                let problem = format!("models.{other} says something else of the same deployment");
                return Err(self.error(path, problem, "say it once, or the same"));
            }
            *kind = kind.or(deployment.kind.map(|kind| (kind, id)));
            *limits = limits.or(deployment.limits.map(|limits| (limits, id)));
        }
        Ok(())
    }

    fn deployment(&self, path: &str, deployment: &Deployment) -> Result<(), DeclareError> {
        if deployment.weight == 0 || deployment.weight > MAX_WEIGHT {
            return Err(self.error(format!("{path}.weight"), format!("{} is out of range", deployment.weight), "use 1 to 1000000"));
        }
        if let Some(window) = deployment.window.filter(|window| *window < MIN_WINDOW) {
            return Err(self.error(format!("{path}.window"), format!("{window} tokens hold no prompt"), "use at least 1024"));
        }
        let Limits { requests_per_minute, tokens_per_minute, concurrency, queue, queue_ms: _ } = deployment.limits.unwrap_or_default();
        let limits = [
            ("requests_per_minute", requests_per_minute),
            ("tokens_per_minute", tokens_per_minute),
            ("concurrency", concurrency.map(u64::from)),
        ];
        if let Some((name, _)) = limits.into_iter().find(|(_, limit)| *limit == Some(0)) {
            return Err(self.error(format!("{path}.limits.{name}"), "0 lets no call through", "leave it out where there is no limit"));
        }
        if let Some(queue) = queue.filter(|queue| *queue > MAX_QUEUE) {
            return Err(self.error(format!("{path}.limits.queue"), format!("{queue} is out of range"), "use 0 to 10000"));
        }
        Ok(())
    }

    fn assistant(&self, id: &str, assistant: &Assistant, known: &Known<'_>) -> Result<(), DeclareError> {
        self.name::<ModelName>("assistants", id)?;
        if !known.templates.contains(assistant.template.as_str()) {
            return Err(self.missing(
                format!("assistants.{id}.template"),
                "template",
                &assistant.template,
                known.templates.iter().copied(),
            ));
        }
        if !known.models.contains(assistant.model.as_str()) {
            return Err(self.missing(format!("assistants.{id}.model"), "model", &assistant.model, known.models.iter().copied()));
        }
        if let Some(missing) = assistant.knowledge_bases.iter().find(|name| !known.knowledge_bases.contains(name.as_str())) {
            let path = format!("assistants.{id}.knowledge_bases");
            return Err(self.missing(path, "knowledge base", missing, known.knowledge_bases.iter().copied()));
        }
        if assistant.knowledge_bases.is_empty() {
            let path = format!("assistants.{id}.knowledge_bases");
            return Err(self.error(path, "it is empty", "name at least one; clients that want no documents ask for the model itself"));
        }
        if !(1..=50).contains(&assistant.passages) {
            return Err(self.error(format!("assistants.{id}.passages"), format!("{} is out of range", assistant.passages), "use 1 to 50"));
        }
        if let Some(floor) = assistant.floor.filter(|floor| !(0.0..=1.0).contains(floor)) {
            return Err(self.error(format!("assistants.{id}.floor"), format!("{floor} is out of range"), "use 0 to 1"));
        }
        if assistant.variety.per_document == Some(0) {
            return Err(self.error(format!("assistants.{id}.variety.per_document"), "it is 0", "use at least 1, or leave it out"));
        }
        if !(0.0..=1.0).contains(&assistant.variety.weight) {
            let problem = format!("{} is out of range", assistant.variety.weight);
            return Err(self.error(format!("assistants.{id}.variety.weight"), problem, "use 0 to 1"));
        }
        if assistant.around.neighbors > MAX_NEIGHBORS {
            let problem = format!("{} is out of range", assistant.around.neighbors);
            return Err(self.error(format!("assistants.{id}.around.neighbors"), problem, "use 0 to 5"));
        }
        if assistant.answer_tokens == 0 {
            return Err(self.error(format!("assistants.{id}.answer_tokens"), "it is 0", "leave room for an answer, such as 1024"));
        }
        Ok(())
    }

    fn key(&self, id: &str, key: &Key) -> Result<(), DeclareError> {
        let at = |field: &str| format!("keys.{id}.{field}");
        if id.is_empty() || id.len() > 64 || id.chars().any(char::is_control) {
            return Err(self.error(format!("keys.{id:?}"), "this is no name", "rename it"));
        }
        let principal = key.principal(id);
        if principal.strip_prefix("user:").is_none_or(str::is_empty) {
            return Err(self.error(at("principal"), format!("{principal:?} is no user"), "write it as user:NAME"));
        }
        if let Some(group) = key.groups.iter().find(|group| group.strip_prefix("group:").is_none_or(str::is_empty)) {
            return Err(self.error(at("groups"), format!("{group:?} is no group"), "write each as group:NAME"));
        }
        for model in key.models.iter().flatten() {
            // The embedding model is declared nowhere, so an unknown name may be it.
            self.name::<ModelName>("models", model)?;
        }
        match key.expires.as_deref().map(str::parse::<jiff::Timestamp>) {
            Some(Err(error)) => Err(self.error(at("expires"), error.to_string(), "write a time such as 2027-01-31T00:00:00Z")),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    fn missing<'k>(&self, path: String, what: &str, name: &str, known: impl Iterator<Item = &'k str>) -> DeclareError {
        let known: Vec<&str> = known.collect();
        let fix =
            if known.is_empty() { format!("declare a {what} first") } else { format!("declare it, or use one of {}", known.join(", ")) };
        self.error(path, format!("there is no {what} {name:?}"), &fix)
    }

    fn error(&self, path: String, problem: impl Into<String>, fix: &str) -> DeclareError {
        DeclareError { file: self.file.to_owned(), path, problem: problem.into(), fix: fix.to_owned() }
    }
}

const MIN_PROBE_MS: u64 = 1000;
const MAX_NEIGHBORS: u32 = 5;
const MAX_WEIGHT: u32 = 1_000_000;
/// More than that wait in vain.
const MAX_QUEUE: u32 = 10_000;
/// Tokens; less does not hold rules, a question and an answer.
const MIN_WINDOW: u32 = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use groundwork_core::prompt::BUILT_IN_QUESTION;

    fn check_one(text: &str) -> Result<Vec<File>, String> {
        check(&[AppliedFile { name: "a.toml".into(), text: text.into() }], &["fake".into()]).map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_file_is_read() {
        let files = check_one(
            r#"
            [knowledge_bases.hr]
            title = "People"
            [templates.short]
            system = "You are {{ assistant }}."
            [models.fast]
            deployments = [{ target = "fake", model = "small" }]
            [assistants.people]
            template = "short"
            model = "fast"
            knowledge_bases = ["hr", "default"]
            "#,
        );
        let file = &files.unwrap()[0];
        assert_eq!(file.assistants["people"].knowledge_bases, ["hr", "default"]);
        assert_eq!(file.models["fast"].window, 32_768);
        assert_eq!(file.templates["short"].question, BUILT_IN_QUESTION);
    }

    #[test]
    fn an_error_names_the_file_the_key_and_the_fix() {
        for (text, expected) in [
            ("assistants = 3", "a.toml, line 1: assistants: "),
            ("[assistants.x]\nmodle = \"y\"", "a.toml, line 2: assistants.x.modle: "),
            ("[assistants.x]\nmodel = \"y\"", "a.toml: assistants.x.model: there is no model \"y\"; declare it, or use one of default"),
            ("[assistants.x]\nknowledge_bases = [\"no\"]", "a.toml: assistants.x.knowledge_bases: there is no knowledge base \"no\"; "),
            ("[assistants.x]\nknowledge_bases = []", "a.toml: assistants.x.knowledge_bases: it is empty; "),
            ("[assistants.x]\nfloor = 1.5", "a.toml: assistants.x.floor: 1.5 is out of range; use 0 to 1"),
            ("[assistants.x]\npassages = 0", "a.toml: assistants.x.passages: 0 is out of range; use 1 to 50"),
            (
                "[models.x]\ndeployments = [{ target = \"azure\" }]",
                "a.toml: models.x.deployments[0].target: there is no target \"azure\"; declare it, or use one of extractive, fake",
            ),
            ("[models.x]\ndeployments = []", "a.toml: models.x.deployments: it is empty; "),
            (
                "[models.x]\ndeployments = [{ target = \"fake\", weight = 0 }]",
                "a.toml: models.x.deployments[0].weight: 0 is out of range; ",
            ),
            (
                "[models.x]\ndeployments = [{ target = \"fake\", limits = { concurrency = 0 } }]",
                "a.toml: models.x.deployments[0].limits.concurrency: 0 lets no call through; ",
            ),
            ("[models.x]\ndeployments = [{ target = \"fake\", kind = \"ptu\" }]", "a.toml, line 2: models.x.deployments[0].kind: "),
            (
                "[models.x]\nhedge = { share = 2.0 }\ndeployments = [{ target = \"fake\" }]",
                "a.toml: models.x.hedge.share: 2 is no part of the calls; ",
            ),
            ("[models.x]\nprobe_ms = 5\ndeployments = [{ target = \"fake\" }]", "a.toml: models.x.probe_ms: 5 is too often; "),
            (
                "[models.x]\ndeployments = [{ target = \"fake\", limits = { concurrency = 2 } }]\n[models.y]\ndeployments = [{ target = \"fake\", limits = { concurrency = 3 } }]",
                "a.toml: models.y.deployments[0].limits: models.x says something else of the same deployment; ",
            ),
            ("[models.\"a b\"]\ndeployments = [{ target = \"fake\" }]", "a.toml: models.\"a b\": model \"a b\" is not a valid name"),
            ("[templates.x]\nsystem = \"{{ nope }}\"", "a.toml: templates.x: "),
            (
                "[models.same]\ndeployments = [{ target = \"fake\" }]\n[assistants.same]",
                "a.toml: assistants.same: the model or assistant same is declared in a.toml too",
            ),
            ("[models", "a.toml, line 1: the file: "),
            ("[keys.ci]\nvalue = \"sk-1234\"", "a.toml, line 2: keys.ci.value: a key is named, not written down"),
            ("[keys.ci]\nvalue = { env = \"K\" }\nprincipal = \"ci\"", "a.toml: keys.ci.principal: \"ci\" is no user"),
            ("[keys.ci]\nvalue = { env = \"K\" }\ngroups = [\"hr\"]", "a.toml: keys.ci.groups: \"hr\" is no group"),
            ("[keys.ci]\nvalue = { env = \"K\" }\nexpires = \"soon\"", "a.toml: keys.ci.expires: "),
            ("[keys.ci]\nvalue = { env = \"K\" }\nrole = \"king\"", "a.toml, line 3: keys.ci.role: "),
        ] {
            let error = check_one(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}\n  should begin with\n{expected}");
        }
    }
}
