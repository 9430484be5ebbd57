//! Log lines for machines: an event as one JSON object. The formatter that comes with tracing writes the same, in three times the time, and
//! every call to a model writes a line.

use groundwork_wire::members::Members;
use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// `timestamp`, `level`, the fields of the event, `target`, and `span` with the fields of the span that it stands in.
pub(super) struct JsonLines;

impl<S: Subscriber + for<'a> LookupSpan<'a>> FormatEvent<S, JsonFields> for JsonLines {
    fn format_event(&self, context: &FmtContext<'_, S, JsonFields>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::with_capacity(32);
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut object = Members::new(Vec::with_capacity(768));
        object.text("timestamp", &time);
        object.text("level", event.metadata().level().as_str());
        let mut fields = Fields(object);
        event.record(&mut fields);
        let Fields(mut object) = fields;
        object.text("target", event.metadata().target());
        if let Some(span) = context.lookup_current() {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>().map(|fields| fields.fields.as_str()).unwrap_or_default();
            object.object("span", |object| {
                // They are an object already.
                object.spelled(fields.strip_prefix('{').and_then(|fields| fields.strip_suffix('}')).unwrap_or_default());
                object.text("name", span.name());
            });
        }
        let mut line = object.close();
        line.push(b'\n');
        writer.write_str(&String::from_utf8_lossy(&line))
    }
}

/// What an event says, each field a member.
struct Fields(Members);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.text(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.add(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.number(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.add(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.flag(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.text(field.name(), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex, PoisonError};
    use tracing_subscriber::fmt::MakeWriter;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Written {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn said() {
        tracing::info!(target: "t", call = %"c1", count = 3_u64, less = -1_i64, share = 0.5, well = true, "two\nlines, a \"quote\" and é");
        let outer = tracing::info_span!("outer", id = "r1");
        let _outer = outer.enter();
        tracing::warn!(target: "t", error = ?"odd", "in a span");
        let inner = tracing::info_span!("bare");
        let _inner = inner.enter();
        tracing::warn!(target: "t", "in a span without fields");
    }

    fn lines(written: &Written) -> Vec<serde_json::Value> {
        let bytes = written.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let timeless = |mut line: serde_json::Value| {
            assert!(line.as_object_mut().unwrap().remove("timestamp").is_some_and(|time| time.as_str().unwrap().ends_with('Z')));
            line
        };
        lines.map(timeless).collect()
    }

    #[test]
    fn a_line_says_what_that_of_the_library_says() {
        let (ours, theirs) = (Written::default(), Written::default());
        let builder = || tracing_subscriber::fmt();
        let subscriber = builder().with_writer(ours.clone()).fmt_fields(JsonFields::new()).event_format(JsonLines).finish();
        tracing::subscriber::with_default(subscriber, said);
        let json = builder().with_writer(theirs.clone()).json().flatten_event(true).with_current_span(true).with_span_list(false);
        tracing::subscriber::with_default(json.finish(), said);
        assert_eq!(lines(&ours).len(), 3);
        assert_eq!(lines(&ours), lines(&theirs));
    }
}
