//! Puts the parts of an upload together to a file.

use super::pending::{ended, pending};
use super::{Part, State, Upload, UploadError};
use crate::App;
use crate::files::{About, Arriving, ContentError, File, FileError, made, publish};
use crate::jobs::Remove;
use crate::owned::owner;
use futures::StreamExt;
use groundwork_core::access::Caller;
use groundwork_core::ids::PartId;
use groundwork_wire::error::Invalid;
use md5::{Digest, Md5};
use std::collections::HashSet;

/// How the parts become a file.
#[derive(Debug, Clone)]
pub struct Completion {
    /// In the order in which they are put together.
    pub part_ids: Vec<String>,
    /// In hexadecimal; checked when it is given.
    pub md5: Option<String>,
}

/// The upload as it is then, and its file.
pub async fn complete(app: &App, caller: &Caller, id: &str, completion: Completion) -> Result<(Upload, File), UploadError> {
    let (inner, upload) = (app.inner(), pending(app, caller, id).await?);
    let parts = ordered(&inner.db.parts(&upload.id).await?, &completion.part_ids)?;
    let sent: u64 = parts.iter().map(|part| part.bytes).sum();
    if sent != upload.bytes {
        return Err(invalid("part_ids", format!("the parts have {sent} bytes together, and {} were announced", upload.bytes)));
    }
    let file_id = inner.db.make_file_id()?;
    let mut arriving = Arriving::begin(app, file_id.as_str(), upload.bytes).await?;
    let digest = match copy(app, &parts, &mut arriving).await {
        // Its time was over meanwhile, and the parts with it.
        Err(UploadError::File(FileError::Content(ContentError::Missing(_)))) => return Err(ended(app, &upload)),
        digest => digest?,
    };
    if let Some(expected) = completion.md5.filter(|expected| !expected.trim().eq_ignore_ascii_case(&digest)) {
        return Err(invalid("md5", format!("the file has {digest}, not {expected}")));
    }
    let about = About {
        purpose: upload.purpose.clone(),
        name: upload.name.clone(),
        media_type: upload.media_type.clone(),
        expires_after: upload.expires_after_secs,
    };
    let (file, expiry) = made(app, owner(caller)?, &arriving, about)?;
    let removals: Vec<_> =
        expiry.into_iter().chain([Remove::Parts(upload.id.clone()).job(&upload.owner.tenant, inner.clock.now())]).collect();
    let (db, upload_id, inserted) = (inner.db.clone(), upload.id.clone(), file.clone());
    if !publish(app, arriving, async move { db.complete_upload(&upload_id, &inserted, &removals).await }).await? {
        return Err(ended(app, &upload));
    }
    inner.jobs.work.notify_one();
    Ok((Upload { state: State::Completed, file: Some(file.id.clone()), ..upload }, file))
}

/// The parts that `ids` name, in their order.
fn ordered(parts: &[Part], ids: &[String]) -> Result<Vec<Part>, UploadError> {
    if ids.is_empty() {
        return Err(invalid("part_ids", "it names no part".to_owned()));
    }
    let mut seen = HashSet::new();
    let mut find = |(index, id): (usize, &String)| {
        let name: Option<PartId> = id.parse().ok();
        let part = parts.iter().find(|part| Some(&part.id) == name.as_ref());
        match part {
            Some(part) if seen.insert(id.clone()) => Ok(part.clone()),
            Some(_) => Err(invalid(&format!("part_ids[{index}]"), format!("the part {id} is named twice"))),
            None => Err(invalid(&format!("part_ids[{index}]"), format!("the upload has no part {id:?}"))),
        }
    };
    ids.iter().enumerate().map(&mut find).collect()
}

/// Writes the parts one after the other; gives the MD5 of all.
async fn copy(app: &App, parts: &[Part], arriving: &mut Arriving) -> Result<String, UploadError> {
    let mut hasher = Md5::new();
    for part in parts {
        let mut content = app.inner().files.read(part.id.as_str()).await?;
        while let Some(piece) = content.stream.next().await {
            let piece = piece?;
            // A piece is hashed in well under a millisecond.
            hasher.update(&piece);
            arriving.write(piece).await?;
        }
    }
    Ok(hex::encode(hasher.finalize()))
}

fn invalid(param: &str, reason: String) -> UploadError {
    Invalid::Value { param: param.to_owned(), reason }.into()
}
