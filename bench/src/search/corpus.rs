//! A corpus that is made up but not unlike a real one: words by Zipf's law, topics that give both words and directions, documents of a
//! few sections with permissions. The same seed gives the same corpus.

use bytes::Bytes;
use groundwork_core::access::{Permissions, Scope};
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_retrieval::ingest::Upload;
use std::collections::BTreeSet;

pub const DIMENSIONS: usize = 384;
pub const CHUNKS_A_DOCUMENT: usize = 10;
const VOCABULARY: usize = 40_000;
const TOPICS: u64 = 1_500;
const WORDS_A_CHUNK: usize = 110;

/// Callers by the share of rows they may read: the name of their group, and every which document it is allowed.
pub const SHARES: [(f64, &str, usize); 4] =
    [(100.0, "group:all", 1), (10.0, "group:tenth", 10), (1.0, "group:hundredth", 100), (0.01, "group:one", usize::MAX)];

/// Xorshift: quick, seeded, good enough for text.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            dice.roll();
        }
        dice
    }

    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// About normal: the sum of four uniform numbers.
    fn normal(&mut self) -> f32 {
        ((0..4).map(|_| self.unit()).sum::<f64>() - 2.0) as f32 * 1.732
    }
}

fn topic_of(chunk: u64) -> u64 {
    Dice::new(chunk).roll() % TOPICS
}

fn direction(seed: u64, strength: f32, onto: &mut [f32]) {
    let mut dice = Dice::new(seed);
    onto.iter_mut().for_each(|element| *element += dice.normal() * strength);
}

/// The embedding of a chunk: its topic's direction and something of its own.
pub fn chunk_vector(chunk: u64) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    direction(1 << 40 | topic_of(chunk), 1.0, &mut vector);
    direction(1 << 41 | chunk, 0.9, &mut vector);
    unit(vector)
}

/// The embedding of a question: near the chunk that it is about.
pub fn question_vector(question: u64, chunks: u64) -> Vec<f32> {
    let mut vector = chunk_vector(about(question, chunks));
    vector.iter_mut().for_each(|element| *element *= (DIMENSIONS as f32).sqrt());
    direction(1 << 42 | question, 0.8, &mut vector);
    unit(vector)
}

fn about(question: u64, chunks: u64) -> u64 {
    Dice::new(1 << 43 | question).roll() % chunks
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|element| *element /= length);
    vector
}

/// The rank of a word by Zipf's law.
fn zipf(dice: &mut Dice) -> u64 {
    ((VOCABULARY as f64).powf(dice.unit()) as u64).min(VOCABULARY as u64) - 1
}

/// Frequent words are short.
fn word(rank: u64) -> String {
    const SYLLABLES: [&str; 32] = [
        "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve", "wi", "xo", "yu", "za",
        "bre", "cli", "dro", "flu", "gra", "ple", "sti", "tro", "shu", "tha", "whe",
    ];
    let mut rest = rank + 32;
    let mut word = String::new();
    while rest > 0 {
        word.push_str(SYLLABLES[(rest % 32) as usize]);
        rest /= 32;
    }
    word
}

fn words(chunk: u64) -> impl Iterator<Item = String> {
    let topic = topic_of(chunk);
    let mut dice = Dice::new(1 << 44 | chunk);
    (0..WORDS_A_CHUNK).map(move |_| {
        // A third of the words belong to the topic.
        let rank = if dice.roll().is_multiple_of(3) { zipf(&mut Dice::new(topic << 20 | dice.roll() % 60)) } else { zipf(&mut dice) };
        word(rank)
    })
}

/// The marker of a chunk, by which its vector is found and its hits are recognised.
pub fn marker(chunk: u64) -> String {
    format!("chunk{chunk}")
}

pub fn marked(text: &str, prefix: &str) -> Option<u64> {
    text.split(|c: char| !c.is_ascii_alphanumeric()).find_map(|word| word.strip_prefix(prefix)?.parse().ok())
}

/// Seven words of the chunk that the question is about, one of them rare or not as it comes, and two that anybody says.
pub fn question(question: u64, chunks: u64) -> String {
    let all: Vec<String> = words(about(question, chunks)).collect();
    let mut dice = Dice::new(1 << 45 | question);
    let mut asked = vec![format!("question{question}"), word(0), word(3)];
    asked.extend((0..7).map(|_| all[(dice.roll() % all.len() as u64) as usize].clone()));
    asked.join(" ")
}

pub fn document(number: usize, knowledge_base: &KnowledgeBaseId) -> Upload {
    let mut text = format!("# {}\n", words((1 << 30) + number as u64).take(5).collect::<Vec<_>>().join(" "));
    for chunk in (0..CHUNKS_A_DOCUMENT).map(|at| (number * CHUNKS_A_DOCUMENT + at) as u64) {
        let words: Vec<String> = words(chunk).collect();
        let sentences: Vec<String> = words.chunks(14).map(|words| words.join(" ")).collect();
        text.push_str(&format!("\n## {}\n\n{}. {}.\n", words[..3].join(" "), marker(chunk), sentences.join(". ")));
    }
    let allow = SHARES.iter().filter(|(_, _, every)| number.is_multiple_of(*every)).map(|(_, group, _)| (*group).to_owned());
    let permissions = Permissions { scope: Scope::Restricted, allow: allow.collect::<BTreeSet<_>>(), ..Permissions::default() };
    Upload {
        knowledge_base: knowledge_base.clone(),
        source: format!("{number}.md"),
        name: format!("{number}.md"),
        title: None,
        bytes: Bytes::from(text),
        permissions: Some(permissions),
        attributes: None,
    }
}
