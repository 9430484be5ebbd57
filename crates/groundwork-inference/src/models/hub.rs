//! Downloads from the model hub, going on where an earlier one stopped.

use super::pull::{Pull, SourceError, blocking};
use super::{Progress, PullError};
use crate::catalogue::File;
use crate::egress::{self, Client, Policy, Purpose};
use http::header::{CONTENT_RANGE, RANGE};
use http::{Method, StatusCode};
use reqwest::Response;
use std::error::Error;
use std::path::Path;
use tokio::io::AsyncWriteExt;

/// Fetches `missing` from `<hub>/<path><file>`.
pub(super) async fn fetch(pull: &Pull<'_>, path: &str, missing: &[File]) -> Result<(), SourceError> {
    let base = pull.settings.hub.trim_end_matches('/');
    let mut policy = Policy::for_host_of(base).map_err(unusable)?;
    policy.redirects.clone_from(&pull.settings.hub_redirects);
    let client = egress::client(Purpose::ModelDownload, &policy).map_err(unusable)?;
    for file in missing {
        let url = format!("{base}/{path}{}", file.name);
        let part = pull.folder.join(format!("{}.part", file.name));
        tokio::select! {
            () = pull.cancel.cancelled() => return Err(pull.cancelled().into()),
            downloaded = download(pull, &client, &url, file, &part) => downloaded?,
        }
        let job = pull.place_job(file);
        blocking(move || job.place(&part)).await?;
    }
    Ok(())
}

async fn download(pull: &Pull<'_>, client: &Client, url: &str, file: &File, part: &Path) -> Result<(), SourceError> {
    let failed = |source| SourceError::Final(PullError::Write { path: part.to_owned(), source });
    let mut have = tokio::fs::metadata(part).await.map_or(0, |part| part.len());
    if file.is_known() && have >= file.bytes {
        // Either whole or useless; the check that follows tells, and removes it.
        return Ok(());
    }
    let mut request = client.request(Method::GET, url).map_err(unusable)?;
    if !file.is_known() {
        have = 0;
    }
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
    }
    let mut response = request.send().await.map_err(|error| unusable(format!("{url}: {}", chain(&error.without_url()))))?;
    match response.status() {
        StatusCode::PARTIAL_CONTENT if continues(&response, have, file) => {}
        StatusCode::OK => have = 0,
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            tokio::fs::remove_file(part).await.map_err(failed)?;
            return Err(unusable(format!("{url} is another file than the catalogue describes; pull again to start anew")));
        }
        status => return Err(unusable(format!("{url} answered {status}"))),
    }
    let total = if file.is_known() { Some(file.bytes) } else { response.content_length().map(|more| have + more) };
    let mut output = tokio::fs::File::options().create(true).append(true).open(part).await.map_err(failed)?;
    output.set_len(have).await.map_err(failed)?;
    while let Some(bytes) = response.chunk().await.map_err(|error| unusable(format!("{url}: {}", chain(&error.without_url()))))? {
        output.write_all(&bytes).await.map_err(failed)?;
        have += bytes.len() as u64;
        (pull.progress)(Progress::Bytes { file: file.name.clone(), done: have, total });
        if have > file.most_bytes() {
            break;
        }
    }
    output.flush().await.map_err(failed)?;
    Ok(())
}

/// Whether the answer goes on exactly where the part ends, and in a file of the right length. Of a file that nobody knows no part is
/// gone on with: it may have changed meanwhile.
fn continues(response: &Response, have: u64, file: &File) -> bool {
    if !file.is_known() {
        return false;
    }
    let expected = format!("bytes {have}-{}/{}", file.bytes.saturating_sub(1), file.bytes);
    response.headers().get(CONTENT_RANGE).is_some_and(|range| range.as_bytes() == expected.as_bytes())
}

fn unusable(reason: impl std::fmt::Display) -> SourceError {
    SourceError::Unusable(reason.to_string())
}

/// An error and everything that caused it, in one line.
fn chain(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}
