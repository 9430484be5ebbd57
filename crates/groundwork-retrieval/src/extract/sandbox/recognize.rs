//! Text in pixels, recognized by another program in a confined child of its own, page by page.

use super::child::{Means, RECOGNIZE, Recognition, Task};
use super::{Extractor, Run, crashed, ocr};
use crate::extract::document::Format;
use crate::extract::ocr::{Ocr, Page, Recognizer};
use crate::extract::{Bitmap, Parsed, ReadError};
use std::time::Duration;

/// A picture to be recognized.
struct Picture<'a> {
    /// The file, in pieces.
    input: Vec<&'a [u8]>,
    dots_per_inch: Option<u32>,
    /// The number of its first page, and how many it has.
    first: u32,
    pages: usize,
}

impl Extractor {
    /// Adds the text of the scanned pages to what was read, or says why it is not there. A page that fails costs only itself.
    pub(super) async fn recognize(&self, bytes: &[u8], parsed: &mut Parsed) {
        let scanned = std::mem::take(&mut parsed.scanned);
        let recognizer = match &self.0.settings.ocr {
            Ocr::With(recognizer) => recognizer,
            ocr @ (Ocr::Off | Ocr::Missing(_)) => {
                return ocr::leave_out(&mut parsed.document, &scanned, ocr.missing().unwrap_or_default());
            }
        };
        let (now, beyond) = scanned.split_at(scanned.len().min(recognizer.pages));
        let (pages, failed) = match parsed.document.format {
            Format::Pdf => self.pages_of_pdf(recognizer, bytes, now).await,
            // Pictures are read by the recognizer as they are, with all their pages at once.
            _ => match self.pages_of(recognizer, &Picture { input: vec![bytes], dots_per_inch: None, first: 1, pages: now.len() }).await {
                Ok(pages) => (pages, None),
                Err(error) => (Vec::new(), Some((now.to_vec(), ocr::reason(&error)))),
            },
        };
        let wanted = |page: &Page| now.contains(&page.number);
        ocr::merge(parsed, pages.into_iter().filter(wanted).collect());
        if let Some((pages, reason)) = failed {
            ocr::leave_out(&mut parsed.document, &pages, &reason);
        }
        ocr::leave_out(&mut parsed.document, beyond, &format!("only {} pages of one file are recognized", recognizer.pages));
    }

    /// The pages that were recognized, and those that were not with the last reason.
    async fn pages_of_pdf(&self, recognizer: &Recognizer, bytes: &[u8], numbers: &[u32]) -> (Vec<Page>, Option<(Vec<u32>, String)>) {
        let mut pages = Vec::with_capacity(numbers.len());
        let mut failed: Option<(Vec<u32>, String)> = None;
        for &number in numbers {
            match self.page_of_pdf(recognizer, bytes, number).await {
                Ok(page) => pages.extend(page),
                Err(error) => {
                    let (numbers, reason) = failed.get_or_insert_default();
                    numbers.push(number);
                    *reason = ocr::reason(&error);
                }
            }
        }
        (pages, failed)
    }

    async fn page_of_pdf(&self, recognizer: &Recognizer, bytes: &[u8], number: u32) -> Result<Vec<Page>, ReadError> {
        let bitmap: Bitmap = self.ask(bytes, "", Task::Draw { page: number }).await?;
        // The simplest of all picture formats: a line of text, then the bytes.
        let header = format!("P5\n{} {}\n255\n", bitmap.width, bitmap.height);
        let dots_per_inch = Some(bitmap.dots_per_inch);
        let picture = Picture { input: vec![header.as_bytes(), &bitmap.gray], dots_per_inch, first: number, pages: 1 };
        let mut pages = self.pages_of(recognizer, &picture).await?;
        pages.iter_mut().for_each(|page| page.in_points(bitmap.dots_per_inch));
        Ok(pages)
    }

    /// The pages of a picture. Where they are hard to read they may stand on their side or head, as cameras and scanners leave them: then the
    /// recognizer is asked to look for that as well, which takes twice as long.
    async fn pages_of(&self, recognizer: &Recognizer, picture: &Picture<'_>) -> Result<Vec<Page>, ReadError> {
        let pages = ocr::read(&self.run_recognizer(recognizer, picture, false).await?, picture.first);
        if !pages.iter().any(Page::is_doubtful) {
            return Ok(pages);
        }
        // Without its data about directions it fails, and what it made of the picture before stands.
        match self.run_recognizer(recognizer, picture, true).await {
            Ok(text) => Ok(ocr::surer(pages, ocr::read(&text, picture.first))),
            Err(_) => Ok(pages),
        }
    }

    /// What the recognizer says of a picture; `turned`: whose pages may stand on their side.
    async fn run_recognizer(&self, recognizer: &Recognizer, picture: &Picture<'_>, turned: bool) -> Result<String, ReadError> {
        let seconds = recognizer.page_seconds.saturating_mul(picture.pages as u64).max(1);
        let means = Means { memory_bytes: recognizer.memory_bytes, cpu_seconds: seconds };
        let mut arguments: Vec<String> = ["stdin", "stdout", "-l", &recognizer.languages].map(str::to_owned).into();
        if let Some(dots) = picture.dots_per_inch {
            arguments.extend(["--dpi".to_owned(), dots.to_string()]);
        }
        if turned {
            arguments.extend(["--psm", "1"].map(str::to_owned));
        }
        arguments.extend(["-c", "tessedit_create_tsv=1"].map(str::to_owned));
        let recognition = Recognition { program: recognizer.program.clone(), arguments, means };
        let recognition = serde_json::to_string(&recognition).map_err(|_| crashed("the request could not be written"))?;
        let arguments = vec![RECOGNIZE.to_owned(), recognition];
        let said = self.run(Run { arguments, input: picture.input.clone(), means, wall_time: Duration::from_secs(seconds) }).await?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}
