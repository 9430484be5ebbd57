use super::*;
use crate::extract::document::{Builder, Format, Kind};
use groundwork_core::tokens::{Tokenize, UpperBound};
use proptest::prelude::*;
use std::sync::Arc;

/// A token for every word and one for every mark, as a model's own tokenizer has it, but long words fall into pieces of four characters.
#[derive(Debug)]
struct Words;

impl Tokenize for Words {
    fn count(&self, text: &str) -> usize {
        self.spans(text).len()
    }

    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        let mut joins = 0;
        for (at, c) in text.char_indices() {
            let end = at + c.len_utf8();
            match spans.last_mut() {
                Some(last) if c.is_alphanumeric() && (1..4).contains(&joins) && last.end == at => {
                    last.end = end;
                    joins += 1;
                }
                _ if c.is_whitespace() => joins = 0,
                _ => {
                    spans.push(at..end);
                    joins = usize::from(c.is_alphanumeric());
                }
            }
        }
        spans
    }
}

fn words() -> Tokenizer {
    Arc::new(Words)
}

fn settings(chunk_tokens: usize) -> Settings {
    Settings { chunk_tokens, chunk_overlap: chunk_tokens / 4, window: chunk_tokens + 40 }
}

fn sentence(number: usize, words: usize) -> String {
    format!("S{number} {}end.", "moss ".repeat(words))
}

#[test]
fn a_short_section_is_one_chunk_with_its_path() {
    let mut builder = Builder::new(Format::Markdown);
    builder.heading(1, "Leave");
    builder.heading(2, "Sick leave");
    builder.paragraph("Call in by nine.");
    builder.heading(2, "Parental leave");
    builder.paragraph("Twelve weeks.");
    let chunks = chunk(&builder.finish(), &settings(50), &words());
    assert_eq!(chunks.len(), 2);
    assert_eq!(chunks[0].text, "Leave\n\nSick leave\n\nCall in by nine.");
    assert_eq!(chunks[1].heading_path, ["Leave", "Parental leave"]);
    assert_eq!(chunks[1].embed_text, "Leave\nParental leave\n\nTwelve weeks.");
}

#[test]
fn a_long_section_is_cut_at_sentences_and_repeats_about_a_quarter() {
    let mut builder = Builder::new(Format::Text);
    builder.paragraph(&(0..40).map(|number| sentence(number, 6)).collect::<Vec<_>>().join(" "));
    let document = builder.finish();
    let chunks = chunk(&document, &settings(60), &words());
    for pair in chunks.windows(2) {
        assert!(pair[0].text.ends_with("end."), "{}", pair[0].text);
        assert!(pair[1].text.starts_with('S'), "{}", pair[1].text);
        let repeated = pair[0].span.end.saturating_sub(pair[1].span.start);
        assert!(repeated > 0 && repeated * 2 < pair[0].text.chars().count(), "{repeated}");
        assert!(pair[0].tokens > 40 && pair[0].tokens <= 60, "{}", pair[0].tokens);
    }
}

#[test]
fn a_large_table_repeats_its_header_in_every_chunk() {
    let mut builder = Builder::new(Format::Html);
    builder.heading(1, "Prices");
    let rows = std::iter::once(["plan", "price"].map(str::to_owned).to_vec());
    builder.table(rows.chain((0..60).map(|n| vec![format!("plan{n}"), format!("{n} euro")])).collect(), 1);
    let chunks = chunk(&builder.finish(), &settings(60), &words());
    assert!(chunks.len() > 3);
    assert!(chunks[0].text.starts_with("Prices\n\nplan | price\nplan0 | 0 euro"));
    for chunk in &chunks[1..] {
        assert!(chunk.text.starts_with("plan | price\nplan"), "{}", chunk.text);
        assert!(chunk.tokens <= 60, "{}", chunk.tokens);
    }
    assert!(chunks.last().unwrap().text.ends_with("plan59 | 59 euro"));
}

#[test]
fn a_small_table_and_code_stay_whole() {
    let mut builder = Builder::new(Format::Html);
    builder.paragraph(&sentence(0, 40));
    builder.table((0..4).map(|n| vec![format!("r{n}"), "x".to_owned()]).collect(), 0);
    builder.push(Kind::Code { language: None }, "let a = 1;\n\nlet b = 2;");
    builder.paragraph(&sentence(1, 40));
    let chunks = chunk(&builder.finish(), &settings(50), &words());
    assert!(chunks.iter().any(|chunk| chunk.text.contains("r0 | x\nr1 | x\nr2 | x\nr3 | x")));
    assert!(chunks.iter().any(|chunk| chunk.text.contains("let a = 1;\n\nlet b = 2;")));
}

#[test]
fn a_word_longer_than_the_window_is_cut_and_kept() {
    let mut builder = Builder::new(Format::Text);
    builder.paragraph(&"é".repeat(10_000));
    let document = builder.finish();
    for tokenizer in [words(), Arc::new(UpperBound) as Tokenizer] {
        let chunks = chunk(&document, &settings(60), &tokenizer);
        assert_eq!(uncovered(&document, &chunks), "");
        assert!(chunks.iter().all(|chunk| tokenizer.count(&chunk.embed_text) <= 98));
    }
}

#[test]
fn the_context_is_shortened_and_the_body_is_not() {
    let mut builder = Builder::new(Format::Html);
    builder.title(&"A very long title ".repeat(10));
    builder.heading(1, "Part");
    builder.heading(2, "Piece");
    builder.paragraph(&sentence(0, 70));
    builder.paragraph(&sentence(1, 70));
    let settings = Settings { chunk_tokens: 80, chunk_overlap: 0, window: 92 };
    let chunks = chunk(&builder.finish(), &settings, &words());
    let last = chunks.last().unwrap();
    assert!(last.embed_text.starts_with("Part > Piece\nS1 "), "{}", last.embed_text);
    assert!(last.embed_text.ends_with(&last.text));
}

#[test]
fn short_sections_share_a_chunk_only_where_pages_name_the_place() {
    let document = |paged: bool| {
        let mut builder = Builder::new(Format::Pdf);
        if paged {
            builder.page_count(1);
            builder.at_pages(Some((1, 1)));
        }
        for name in ["Dental", "Vision"] {
            builder.heading(1, name);
            builder.paragraph("It is covered.");
        }
        builder.finish()
    };
    assert_eq!(chunk(&document(true), &settings(50), &words()).len(), 1);
    assert_eq!(chunk(&document(false), &settings(50), &words()).len(), 2);
}

/// The visible characters that no chunk covers.
fn uncovered(document: &Document, chunks: &[Chunk]) -> String {
    let text: Vec<char> = document.text().chars().collect();
    let covered = |at: usize| chunks.iter().any(|chunk| chunk.span.contains(&at));
    text.iter().enumerate().filter(|(at, c)| !c.is_whitespace() && !covered(*at)).map(|(_, c)| c).collect()
}

fn kinds() -> impl Strategy<Value = Vec<(u8, String)>> {
    let text = prop_oneof!["([a-zA-Zäß]{1,9}[ ,.?\n]{1,2}){0,60}", "[a-z一二三。é😀 ]{0,80}", "(\\PC{1,30}\n?){0,12}", "x{0,300}",];
    proptest::collection::vec((0..7_u8, text), 0..12)
}

fn built(blocks: &[(u8, String)], paged: bool) -> Document {
    let mut builder = Builder::new(Format::Pdf);
    if paged {
        builder.page_count(9);
    }
    for (page, (kind, text)) in (1..).zip(blocks) {
        builder.at_pages(paged.then_some((page, page)));
        match kind {
            0 | 1 => builder.heading(kind + 1, text),
            2 => builder.push(Kind::ListItem { depth: 0 }, text),
            3 => builder.push(Kind::Code { language: None }, text),
            4 => builder.table(text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect(), 1),
            _ => builder.paragraph(text),
        }
    }
    builder.finish()
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_is_too_long(blocks in kinds(), paged: bool, size in 8..80_usize, overlap in 0..40_usize, room in 0..30_usize) {
        let document = built(&blocks, paged);
        let settings = Settings { chunk_tokens: size, chunk_overlap: overlap, window: size + 2 + room };
        let text: Vec<char> = document.text().chars().collect();
        for tokenizer in [words(), Arc::new(UpperBound) as Tokenizer] {
            let chunks = chunk(&document, &settings, &tokenizer);
            prop_assert_eq!(uncovered(&document, &chunks), "");
            for (at, chunk) in chunks.iter().enumerate() {
                prop_assert_eq!(chunk.ordinal as usize, at);
                prop_assert!(tokenizer.count(&chunk.embed_text) <= settings.window - 2, "{:?}", chunk);
                let body: String = text[chunk.span.clone()].iter().collect();
                prop_assert!(chunk.text.ends_with(&body) && !body.is_empty());
                prop_assert_eq!(chunk.tokens, tokenizer.count(&chunk.text));
            }
        }
    }

    #[test]
    fn only_a_section_overlaps_with_itself(blocks in kinds(), size in 8..80_usize) {
        let document = built(&blocks, false);
        let chunks = chunk(&document, &settings(size), &words());
        let headings: Vec<usize> = document.blocks.iter().filter(|block| matches!(block.kind, Kind::Heading { .. })).map(|block| block.span.start).collect();
        for pair in chunks.windows(2) {
            if pair[1].span.start < pair[0].span.end {
                prop_assert_eq!(&pair[0].heading_path, &pair[1].heading_path);
                let crosses = headings.iter().any(|heading| pair[1].span.start < *heading && *heading < pair[0].span.end);
                prop_assert!(!crosses, "{:?}", pair);
            }
            prop_assert!(pair[1].span.end > pair[0].span.end || pair[1].span.start >= pair[0].span.end);
        }
    }
}
