//! The ledger: one row a call, keyed by our call id, so that settling twice books once.

use super::operation::{Durability, Operation, Step, step};
use super::value::{Row, Value};
use super::{Db, DbError, Undone};
use groundwork_core::call::{LedgerRow, Record};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{CallId, TenantId};
use serde::Serialize;
use std::ops::Range;

/// A row as it is read back; `groundwork_core::call::LedgerRow` says what the columns are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    pub call: CallId,
    pub request_label: Option<String>,
    pub tenant: TenantId,
    pub principal: String,
    pub operation: String,
    pub model: String,
    pub deployment: Option<String>,
    pub target: Option<String>,
    pub served_model: Option<String>,
    pub streamed: bool,
    pub started_ms: UnixMs,
    pub first_token_ms: Option<UnixMs>,
    pub ended_ms: UnixMs,
    pub status: String,
    pub detail: Option<String>,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cached_tokens: u64,
    pub reasoning_tokens: u64,
    pub estimated: bool,
    pub failed_attempts: u64,
    pub lost_input_tokens: u64,
    pub lost_output_tokens: u64,
    pub cost_nano_dollars: Option<i64>,
    pub price_version: Option<String>,
    pub cached: String,
    pub extra: serde_json::Value,
}

impl Entry {
    /// Where the next page begins.
    pub fn cursor(&self) -> Cursor {
        Cursor { ended_ms: self.ended_ms, call: self.call.clone() }
    }
}

/// A place in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub ended_ms: UnixMs,
    pub call: CallId,
}

impl Db {
    /// Books a call, durably. False when it was booked before: nothing is changed then.
    pub async fn settle(&self, record: &Record) -> Result<bool, DbError> {
        Ok(self.settle_all(std::slice::from_ref(record)).await? == 1)
    }

    /// Books calls in one transaction, durably, and says how many were not booked before.
    pub async fn settle_all(&self, records: &[Record]) -> Result<u64, DbError> {
        self.book(steps(records)).await
    }

    /// What `steps` made ready.
    pub(crate) async fn book(&self, steps: Vec<Step>) -> Result<u64, DbError> {
        let outcomes = self.write(Durability::Now, steps).await.map_err(Undone::unexpected)?;
        Ok(outcomes.iter().map(|outcome| outcome.count).sum())
    }

    /// At most `limit` entries of a tenant that ended within `time`, after `after`, by the time of their end.
    pub async fn ledger(&self, tenant: &TenantId, time: Range<UnixMs>, after: Option<&Cursor>, limit: u32) -> Result<Vec<Entry>, DbError> {
        let (after_ms, after_call): (Value, Value) = match after {
            Some(cursor) => (cursor.ended_ms.into(), cursor.call.as_str().into()),
            None => (Value::Integer(-1), "".into()),
        };
        let parameters = vec![tenant.as_str().into(), time.start.into(), time.end.into(), after_ms, after_call, limit.into()];
        self.read(Operation::Ledger, parameters).await?.into_iter().map(read).collect()
    }
}

/// The booking of calls, which takes a while to write down for many.
pub(crate) fn steps<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<Step> {
    records.into_iter().map(|record| step(Operation::Settle, columns(record.ledger_row()))).collect()
}

/// The parameters of `Operation::Settle`.
fn columns(row: LedgerRow) -> Vec<Value> {
    let LedgerRow {
        call,
        request_label,
        tenant,
        principal,
        operation,
        model,
        deployment,
        target,
        served_model,
        streamed,
        started_ms,
        first_token_ms,
        ended_ms,
        status,
        detail,
        input_tokens,
        output_tokens,
        cached_tokens,
        reasoning_tokens,
        estimated,
        failed_attempts,
        lost_input_tokens,
        lost_output_tokens,
        cost_nano_dollars,
        price_version,
        cached,
        extra,
    } = row;
    vec![
        call.into(),
        request_label.into(),
        tenant.into(),
        principal.into(),
        operation.into(),
        model.into(),
        deployment.into(),
        target.into(),
        served_model.into(),
        streamed.into(),
        started_ms.into(),
        first_token_ms.into(),
        ended_ms.into(),
        status.into(),
        detail.into(),
        input_tokens.into(),
        output_tokens.into(),
        cached_tokens.into(),
        reasoning_tokens.into(),
        estimated.into(),
        failed_attempts.into(),
        lost_input_tokens.into(),
        lost_output_tokens.into(),
        cost_nano_dollars.into(),
        price_version.into(),
        cached.into(),
        extra.into(),
    ]
}

fn read(mut row: Row) -> Result<Entry, DbError> {
    Ok(Entry {
        call: row.name()?,
        request_label: row.next()?,
        tenant: row.name()?,
        principal: row.next()?,
        operation: row.next()?,
        model: row.next()?,
        deployment: row.next()?,
        target: row.next()?,
        served_model: row.next()?,
        streamed: row.next()?,
        started_ms: row.next()?,
        first_token_ms: row.next()?,
        ended_ms: row.next()?,
        status: row.next()?,
        detail: row.next()?,
        input_tokens: row.next()?,
        output_tokens: row.next()?,
        cached_tokens: row.next()?,
        reasoning_tokens: row.next()?,
        estimated: row.next()?,
        failed_attempts: row.next()?,
        lost_input_tokens: row.next()?,
        lost_output_tokens: row.next()?,
        cost_nano_dollars: row.next()?,
        price_version: row.next()?,
        cached: row.next()?,
        extra: row.json()?,
    })
}
