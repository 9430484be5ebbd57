//! A file on its way to a service, piece by piece.

use super::{Operation, Service};
use crate::egress::Payload;
use crate::target::{CallError, FileUpload};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, header};

impl Service {
    /// Gives the service's own object of the file.
    pub(crate) async fn upload(&self, model: &str, upload: FileUpload) -> Result<Bytes, CallError> {
        let FileUpload { id, purpose, name, media_type, bytes, content, deadline } = upload;
        let until = self.server.until(deadline);
        let operation = Operation::Other { path: "/files", query: None };
        let mut ask = self.ask(operation, model, &HeaderMap::new(), until).await?;
        // Nothing in a file of chance can have been written to hold an id of chance.
        let boundary = format!("groundwork-{id}");
        let kind = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"));
        ask.headers.insert(header::CONTENT_TYPE, kind.map_err(|error| self.server.broken(error.to_string()))?);
        let head = Bytes::from(format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {media_type}\r\n\r\n"
        ));
        let tail = Bytes::from(format!("\r\n--{boundary}--\r\n"));
        let left = head.len() as u64 + bytes + tail.len() as u64;
        let stream = stream::iter([Ok(head)]).chain(content).chain(stream::iter([Ok(tail)])).boxed();
        ask.body = Payload::Pieces { stream, left };
        Ok(self.server.whole(ask, until).await?.1)
    }
}
