//! Log lines for machines: an event as one JSON object. The formatter that comes with tracing writes the same, in three times the time, and
//! every call to a model writes a line.

use serde::Serialize;
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
        let mut object = Members(Vec::with_capacity(768));
        object.add("timestamp", &time);
        object.add("level", event.metadata().level().as_str());
        event.record(&mut object);
        object.add("target", event.metadata().target());
        if let Some(span) = context.lookup_current() {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>().map(|fields| fields.fields.as_str()).unwrap_or_default();
            object.span(fields, span.name());
        }
        writer.write_str(&object.close())
    }
}

/// The members of an object in the making.
struct Members(Vec<u8>);

impl Members {
    fn add<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        // Writing plain values into memory has no way to fail.
        let _ = serde_json::to_writer(&mut self.0, name);
        self.0.push(b':');
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    /// `fields` is an object already.
    fn span(&mut self, fields: &str, name: &str) {
        self.0.extend_from_slice(b",\"span\":");
        let fields = fields.strip_suffix('}').unwrap_or("{");
        self.0.extend_from_slice(fields.as_bytes());
        self.0.extend_from_slice(if fields.len() > 1 { b",\"name\":" } else { b"\"name\":" });
        let _ = serde_json::to_writer(&mut self.0, name);
        self.0.push(b'}');
    }

    fn close(mut self) -> String {
        self.0.extend_from_slice(b"}\n");
        String::from_utf8(self.0).unwrap_or_default()
    }
}

impl Visit for Members {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field.name(), &format!("{value:?}"));
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
