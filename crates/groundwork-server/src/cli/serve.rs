//! `groundwork serve`.

use super::backend::bind_socket;
use super::output;
use super::session::Session;
use crate::exit::{Exit, Failure};
use crate::http;
use crate::lifecycle::{Signals, drain};
use groundwork_app::settings::Role;
use std::net::SocketAddr;
use std::time::Duration;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Address and port to listen on; wins over the settings
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Exit> {
    let mut signals = Signals::listen()?;
    let mut server = session.config.server.clone();
    if let Some(listen) = args.listen {
        server.listen = listen;
    }
    server.check(session.asks_for_keys()?).map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    // The port is taken first, so that whoever connects while the folder is opened waits instead of being turned away. When both fail,
    // the folder's reason is the more telling one.
    let bound = http::bind(server.listen).await;
    let folder = &session.config.data_dir;
    let app = session.open_when_free(folder, Role::Owner, session.targets()?).await?;
    let tcp = match bound {
        Ok(tcp) => tcp,
        Err(error) => {
            app.shutdown(Duration::ZERO).await;
            return Err(Failure::new(Exit::AddressInUse, error.to_string()).into());
        }
    };
    let address = tcp.local_addr()?;
    let serving = http::serve(&session.front(&app), &server, Some(tcp), bind_socket(folder)?);
    if session.json {
        let url = format!("http://{address}");
        output::json(&serde_json::json!({ "event": "listening", "url": url, "data_dir": folder, "pid": std::process::id() }))?;
    }
    tracing::info!(%address, data_dir = %folder.display(), "Groundwork {} listens on http://{address}", env!("CARGO_PKG_VERSION"));
    let signal = signals.next().await;
    tracing::info!(signal, "stopping; running answers have {} to end", server.shutdown_grace);
    Ok(drain(&app, serving, &mut signals, server.shutdown_grace.duration()).await)
}
