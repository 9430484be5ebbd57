use super::*;
use async_trait::async_trait;
use azure_core::credentials::{AccessToken, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use azure_core::time::OffsetDateTime;
use groundwork_core::clock::{Clock, Dice};
use std::sync::atomic::AtomicU32;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Gives tokens that last an hour, numbered, while it works.
#[derive(Debug)]
struct Issuer {
    clock: Clock,
    asked: AtomicU32,
    works: AtomicBool,
}

#[async_trait]
impl TokenCredential for Issuer {
    async fn get_token(&self, scopes: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["scope"]);
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if !self.works.load(Ordering::SeqCst) {
            return Err(Error::with_message(ErrorKind::Credential, "the directory is down"));
        }
        let ends = i64::try_from(self.clock.now() / 1000 + 3600).unwrap();
        Ok(AccessToken::new(format!("t{number}"), OffsetDateTime::from_unix_timestamp(ends).unwrap()))
    }
}

/// Both on one clock: tokio's, which the test turns.
fn issuer() -> (Arc<Issuer>, Arc<Tokens>, Ambient) {
    let began = tokio::time::Instant::now();
    let clock = Clock::new(move || 1_800_000_000_000 + millis(began.elapsed()));
    let ambient = Ambient::new(clock.clone(), Dice::counting(0), TaskTracker::new(), CancellationToken::new());
    let issuer = Arc::new(Issuer { clock, asked: AtomicU32::new(0), works: AtomicBool::new(true) });
    (issuer.clone(), Tokens::new(issuer, "scope", ambient.clone()), ambient)
}

async fn bearer(tokens: &Arc<Tokens>) -> Result<String, String> {
    let value = tokens.bearer(now() + Duration::from_secs(5)).await.map_err(|error| error.to_string())?;
    Ok(value.to_str().unwrap().to_owned())
}

async fn minutes(minutes: u64) {
    tokio::time::sleep(Duration::from_secs(minutes * 60)).await;
}

#[tokio::test(start_paused = true)]
async fn one_token_serves_all_calls_and_is_renewed_before_its_end() {
    let (issuer, tokens, _ambient) = issuer();
    let calls: Vec<_> = (0..50).map(|_| bearer(&tokens)).collect();
    for call in futures::future::join_all(calls).await {
        assert_eq!(call.unwrap(), "Bearer t1");
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);
    minutes(55).await;
    assert_eq!(bearer(&tokens).await.unwrap(), "Bearer t1");
    minutes(1).await;
    assert_eq!((issuer.asked.load(Ordering::SeqCst), bearer(&tokens).await.unwrap().as_str()), (2, "Bearer t2"));
    minutes(600).await;
    let asked = issuer.asked.load(Ordering::SeqCst);
    assert_eq!(bearer(&tokens).await.unwrap(), format!("Bearer t{asked}"));
    assert_eq!(issuer.asked.load(Ordering::SeqCst), asked, "no call ever waits");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_keeps_the_token_that_is_still_good() {
    let (issuer, tokens, _ambient) = issuer();
    bearer(&tokens).await.unwrap();
    issuer.works.store(false, Ordering::SeqCst);
    minutes(59).await;
    assert!(issuer.asked.load(Ordering::SeqCst) > 2, "it is tried again and again");
    assert_eq!(bearer(&tokens).await.unwrap(), "Bearer t1");
    minutes(2).await;
    assert!(bearer(&tokens).await.unwrap_err().contains("the directory is down"));
    issuer.works.store(true, Ordering::SeqCst);
    minutes(1).await;
    assert!(bearer(&tokens).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_down_is_not_asked_by_every_call() {
    let (issuer, tokens, _ambient) = issuer();
    issuer.works.store(false, Ordering::SeqCst);
    for _ in 0..20 {
        assert!(bearer(&tokens).await.is_err());
    }
    assert_eq!(issuer.asked.load(Ordering::SeqCst), 1);
    issuer.works.store(true, Ordering::SeqCst);
    minutes(1).await;
    assert_eq!(bearer(&tokens).await.unwrap(), "Bearer t2");
}

#[tokio::test(start_paused = true)]
async fn renewal_ends_with_the_process_and_with_its_targets() {
    let (_issuer, tokens, ambient) = issuer();
    bearer(&tokens).await.unwrap();
    ambient.tasks.close();
    ambient.stop.cancel();
    tokio::time::timeout(Duration::from_secs(1), ambient.tasks.wait()).await.unwrap();
}
