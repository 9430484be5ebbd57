//! A connection over HTTP/1 that has no task of its own: it goes on when its call looks for an answer, in the task of the call. A task
//! each would be woken, and would wake the call, for every piece of a stream.

use super::Payload;
use super::connector::Socket;
use futures::task::AtomicWaker;
use http::{Request, Response};
use http_body::{Body, Frame};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{TrySendError, http1};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub(super) struct Driven {
    sender: http1::SendRequest<Payload>,
    /// `None` once it has ended.
    running: Option<Pin<Box<http1::Connection<Socket, Payload>>>>,
    call: Arc<Call>,
    /// Wakes `call`.
    waker: Waker,
}

/// Who waits for the connection.
#[derive(Default)]
struct Call {
    task: AtomicWaker,
    /// It is looking at what came. That there is room again is no news to it: it lets the connection go on before it waits.
    looks: AtomicBool,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.looks.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}

impl Driven {
    pub(super) async fn open(socket: Socket) -> hyper::Result<Self> {
        let (sender, connection) = http1::Builder::new().handshake(socket).await?;
        let call = Arc::new(Call::default());
        let waker = call.clone().into();
        Ok(Self { sender, running: Some(Box::pin(connection)), call, waker })
    }

    /// Waits for the head of the answer. An error has the request in it when nothing of it was sent.
    pub(super) async fn send(&mut self, request: Request<Payload>) -> Result<Response<Incoming>, TrySendError<Request<Payload>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            self.go_on(context);
            answer.as_mut().poll(&mut unwoken())
        })
        .await
    }

    /// The next piece of `answer`, which this connection brings.
    pub(super) fn poll_frame(&mut self, answer: &mut Incoming, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let here = self.look(answer);
        if here.is_ready() {
            return here;
        }
        self.go_on(context);
        self.look(answer)
    }

    fn look(&self, answer: &mut Incoming) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        self.call.looks.store(true, Ordering::SeqCst);
        let here = Pin::new(answer).poll_frame(&mut unwoken());
        self.call.looks.store(false, Ordering::SeqCst);
        here
    }

    /// Whether it can take another call: it is open, and all of the last answer was read or is there to be passed over.
    pub(super) fn is_free(&mut self) -> bool {
        self.go_on(&mut unwoken());
        self.running.is_some() && self.sender.is_ready()
    }

    fn go_on(&mut self, context: &mut Context<'_>) {
        let Some(connection) = &mut self.running else { return };
        self.call.task.register(context.waker());
        // What goes wrong is told to the call.
        if connection.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready() {
            self.running = None;
        }
    }
}

/// For what comes only while the connection goes on, and is looked for right after that: being woken for it would be once too often.
fn unwoken() -> Context<'static> {
    Context::from_waker(Waker::noop())
}
