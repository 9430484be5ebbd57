#![no_main]
//! A page's words as they are kept.

use groundwork_retrieval::extract::boxes::PageWords;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(page) = PageWords::from_bytes(bytes) {
        assert!(PageWords::from_bytes(&page.to_bytes()).is_some());
    }
});
