//! Log lines on their way out. Who has one only adds it to what waits; a thread writes what waits, together and a moment later, so that a
//! call wakes nobody and waits for nobody.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that may wait for whoever reads the log; lines beyond are dropped, and how many were is said.
const MOST_WAITING: usize = 4 << 20;
/// How long lines are gathered after others were written.
const PAUSE: Duration = Duration::from_millis(20);
/// How long the end waits for whoever reads the log.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where lines are added; a cheap clone.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

/// Writes what still waits when it is dropped.
pub(crate) struct Ending(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Told when there is something to write, at the end, and when all is written after it.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    dropped: u64,
    ending: bool,
    ended: bool,
}

impl Lines {
    /// Lines that go to `out`, until the second part is dropped.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<(Self, Ending)> {
        let shared = Arc::new(Shared::default());
        let keeper = shared.clone();
        std::thread::Builder::new().name("log".to_owned()).spawn(move || keeper.write_to(out))?;
        Ok((Self(shared.clone()), Ending(shared)))
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Lines {
    /// Takes a whole line, or drops it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        if state.waiting.len() + line.len() > MOST_WAITING {
            state.dropped += 1;
        } else {
            if state.waiting.is_empty() {
                self.0.changed.notify_all();
            }
            state.waiting.extend_from_slice(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn write_to(&self, mut out: impl Write) {
        let (mut taken, mut state) = (Vec::new(), self.lock());
        loop {
            let quiet = |state: &mut State| state.waiting.is_empty() && !state.ending;
            state = self.changed.wait_while(state, quiet).unwrap_or_else(PoisonError::into_inner);
            if state.waiting.is_empty() {
                state.ended = true;
                return self.changed.notify_all();
            }
            std::mem::swap(&mut taken, &mut state.waiting);
            let dropped = std::mem::take(&mut state.dropped);
            drop(state);
            // There is nowhere else to say that nobody can be told.
            let _ = out.write_all(&taken).and_then(|()| out.flush());
            taken.clear();
            if dropped > 0 {
                tracing::warn!(lines = dropped, "log lines were dropped: whoever reads them does not keep up");
            }
            let goes_on = |state: &mut State| !state.ending;
            state = self.changed.wait_timeout_while(self.lock(), PAUSE, goes_on).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.ending = true;
        self.0.changed.notify_all();
        drop(self.0.changed.wait_timeout_while(state, PATIENCE, |state| !state.ended));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// Hands on what is written, and waits until somebody takes it.
    struct Slow(mpsc::SyncSender<Vec<u8>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_owned()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_waits_is_written_in_its_order_before_the_end() {
        let (written, read) = mpsc::sync_channel(1000);
        let (lines, ending) = Lines::start(Slow(written)).unwrap();
        let expected: String = (0..500).map(|number| format!("line {number}\n")).collect();
        for line in expected.split_inclusive('\n') {
            (&lines).write_all(line.as_bytes()).unwrap();
        }
        drop(ending);
        assert_eq!(read.try_iter().flatten().collect::<Vec<_>>(), expected.as_bytes());
    }

    #[test]
    fn who_logs_never_waits_for_who_reads_and_what_is_dropped_is_dropped_whole() {
        let (written, read) = mpsc::sync_channel(0);
        let (lines, ending) = Lines::start(Slow(written)).unwrap();
        let line = [b"x".repeat(999), b"\n".to_vec()].concat();
        let many = 3 * MOST_WAITING / line.len();
        for _ in 0..many {
            (&lines).write_all(&line).unwrap();
        }
        let reader = std::thread::spawn(move || read.into_iter().flatten().collect::<Vec<u8>>());
        drop(ending);
        drop(lines);
        let text = String::from_utf8(reader.join().unwrap()).unwrap();
        assert!(text.lines().count() < many && text.lines().all(|read| read.len() == 999));
    }
}
