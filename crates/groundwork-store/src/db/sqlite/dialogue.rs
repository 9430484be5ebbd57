//! The SQL of responses, conversations and their items.

use crate::db::operation::Dialogue;

/// The response ?3 of owner ?2 in tenant ?1.
macro_rules! own_response {
    ($columns:literal) => {
        concat!("SELECT ", $columns, " FROM response r JOIN tenant t ON t.no = r.tenant_no WHERE r.id = ?3 AND t.id = ?1 AND r.owner = ?2")
    };
}

/// The conversation ?3 of owner ?2 in tenant ?1.
macro_rules! own_conversation {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM conversation c JOIN tenant t ON t.no = c.tenant_no WHERE c.id = ?3 AND t.id = ?1 AND c.owner = ?2"
        )
    };
}

/// Items of `list` that are part of nothing else.
macro_rules! delete_items_of {
    ($list:literal) => {
        concat!(
            "DELETE FROM item WHERE no IN (",
            $list,
            ") AND (SELECT count(*) FROM response_item WHERE item_no = item.no)
                 + (SELECT count(*) FROM conversation_item WHERE item_no = item.no) = 1"
        )
    };
}

#[expect(clippy::too_many_lines, reason = "a table of statements")]
pub(super) fn sql(operation: Dialogue) -> &'static str {
    use Dialogue as O;
    match operation {
        O::InsertItem => "INSERT INTO item (id, tenant_no, owner, body) SELECT ?3, no, ?2, ?4 FROM tenant WHERE id = ?1",
        O::Item => {
            "SELECT i.id, i.body FROM item i JOIN tenant t ON t.no = i.tenant_no WHERE i.id = ?3 AND t.id = ?1 AND i.owner = ?2
             ORDER BY i.no DESC LIMIT 1"
        }

        O::InsertResponse => {
            "INSERT INTO response (id, tenant_no, owner, status, background, streamed, deployment, body, created_at, finished_at)
             SELECT ?3, no, ?2, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM tenant WHERE id = ?1"
        }
        O::AddToResponse => {
            "INSERT INTO response_item (response_no, position, item_no, part)
             SELECT r.no, (SELECT coalesce(max(position) + 1, 0) FROM response_item WHERE response_no = r.no), last_insert_rowid(), ?2
             FROM response r WHERE r.id = ?1"
        }
        O::FollowResponse => {
            "INSERT INTO response_item (response_no, position, item_no, part)
             SELECT (SELECT no FROM response WHERE id = ?4), i.position, i.item_no, 0
             FROM response r JOIN tenant t ON t.no = r.tenant_no JOIN response_item i ON i.response_no = r.no
             WHERE r.id = ?3 AND t.id = ?1 AND r.owner = ?2"
        }
        O::FollowConversation => {
            "INSERT INTO response_item (response_no, position, item_no, part)
             SELECT (SELECT no FROM response WHERE id = ?4), i.position, i.item_no, 0
             FROM conversation c JOIN tenant t ON t.no = c.tenant_no JOIN conversation_item i ON i.conversation_no = c.no
             WHERE c.id = ?3 AND t.id = ?1 AND c.owner = ?2"
        }
        O::Response => own_response!("r.id, r.status, r.background, r.streamed, r.body, r.created_at"),
        O::ResponseEvents => {
            "SELECT e.events FROM response r JOIN tenant t ON t.no = r.tenant_no JOIN response_events e ON e.response_no = r.no
             WHERE r.id = ?3 AND t.id = ?1 AND r.owner = ?2"
        }
        O::ResponseItems => {
            "SELECT i.id, i.body, p.part FROM response r JOIN tenant t ON t.no = r.tenant_no JOIN response_item p ON p.response_no = r.no
             JOIN item i ON i.no = p.item_no
             WHERE r.id = ?3 AND t.id = ?1 AND r.owner = ?2 AND p.part <= ?4 AND p.position > ?5 AND p.position < ?6
             ORDER BY CASE WHEN ?7 THEN -p.position ELSE p.position END LIMIT ?8"
        }
        O::PlaceInResponse => {
            "SELECT min(p.position), max(p.position) FROM response r JOIN tenant t ON t.no = r.tenant_no
             JOIN response_item p ON p.response_no = r.no JOIN item i ON i.no = p.item_no
             WHERE r.id = ?3 AND t.id = ?1 AND r.owner = ?2 AND i.id = ?4 HAVING count(*) > 0"
        }
        O::ChangeResponse => {
            "UPDATE response SET status = ?2, body = ?3, deployment = coalesce(?4, deployment), finished_at = ?5
             WHERE id = ?1 AND status IN ('queued', 'in_progress')"
        }
        O::KeepEvents => "INSERT INTO response_events (response_no, events, stored_at) SELECT no, ?2, ?3 FROM response WHERE id = ?1",
        O::OpenResponses => "SELECT id, body FROM response WHERE status IN ('queued', 'in_progress') ORDER BY no",
        O::RequireResponse => own_response!("r.no"),
        O::DeleteItemsOfResponse => {
            delete_items_of!("SELECT i.item_no FROM response_item i JOIN response r ON r.no = i.response_no WHERE r.id = ?1")
        }
        O::DeleteResponse => "DELETE FROM response WHERE id = ?1",
        O::OldResponses => {
            "SELECT id FROM response WHERE created_at < ?1 AND status NOT IN ('queued', 'in_progress') ORDER BY created_at LIMIT ?2"
        }
        O::DropOldEvents => "DELETE FROM response_events WHERE stored_at < ?1",

        O::InsertConversation => {
            "INSERT INTO conversation (id, tenant_no, owner, metadata, created_at) SELECT ?3, no, ?2, ?4, ?5 FROM tenant WHERE id = ?1"
        }
        O::Conversation => own_conversation!("c.id, c.metadata, c.created_at"),
        O::RequireConversation => own_conversation!("c.no"),
        O::SetConversationMetadata => {
            "UPDATE conversation SET metadata = ?4
             WHERE id = ?3 AND tenant_no = (SELECT no FROM tenant WHERE id = ?1) AND owner = ?2 RETURNING id, metadata, created_at"
        }
        O::AddToConversation => {
            "INSERT INTO conversation_item (conversation_no, position, item_no)
             SELECT c.no, (SELECT coalesce(max(position) + 1, 0) FROM conversation_item WHERE conversation_no = c.no), last_insert_rowid()
             FROM conversation c WHERE c.id = ?1"
        }
        O::AddResponseToConversation => {
            "INSERT INTO conversation_item (conversation_no, position, item_no)
             SELECT c.no,
                    (SELECT coalesce(max(position), -1) FROM conversation_item WHERE conversation_no = c.no)
                        + row_number() OVER (ORDER BY i.position),
                    i.item_no
             FROM conversation c JOIN response r ON r.id = ?2 AND r.tenant_no = c.tenant_no AND r.owner = c.owner
             JOIN response_item i ON i.response_no = r.no AND i.part > 0
             WHERE c.id = ?1"
        }
        O::ConversationItems => {
            "SELECT i.id, i.body, 1 FROM conversation c JOIN tenant t ON t.no = c.tenant_no
             JOIN conversation_item p ON p.conversation_no = c.no JOIN item i ON i.no = p.item_no
             WHERE c.id = ?3 AND t.id = ?1 AND c.owner = ?2 AND ?4 >= 0 AND p.position > ?5 AND p.position < ?6
             ORDER BY CASE WHEN ?7 THEN -p.position ELSE p.position END LIMIT ?8"
        }
        O::PlaceInConversation => {
            "SELECT min(p.position), max(p.position) FROM conversation c JOIN tenant t ON t.no = c.tenant_no
             JOIN conversation_item p ON p.conversation_no = c.no JOIN item i ON i.no = p.item_no
             WHERE c.id = ?3 AND t.id = ?1 AND c.owner = ?2 AND i.id = ?4 HAVING count(*) > 0"
        }
        O::TakeFromConversation => {
            "DELETE FROM conversation_item
             WHERE conversation_no = (SELECT no FROM conversation WHERE id = ?1) AND item_no IN (SELECT no FROM item WHERE id = ?2)"
        }
        O::DeleteItemsOfConversation => {
            delete_items_of!("SELECT i.item_no FROM conversation_item i JOIN conversation c ON c.no = i.conversation_no WHERE c.id = ?1")
        }
        O::DeleteConversation => "DELETE FROM conversation WHERE id = ?1",
        O::DeleteUnusedItem => {
            "DELETE FROM item WHERE id = ?3 AND tenant_no = (SELECT no FROM tenant WHERE id = ?1) AND owner = ?2
                AND NOT EXISTS (SELECT 1 FROM response_item WHERE item_no = item.no)
                AND NOT EXISTS (SELECT 1 FROM conversation_item WHERE item_no = item.no)"
        }
    }
}
