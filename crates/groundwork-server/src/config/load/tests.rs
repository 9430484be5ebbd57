use super::*;

fn environment(variables: &[(&str, &str)]) -> Environment {
    [("HOME", "/people/someone")].iter().chain(variables).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Loads `text` as the settings file under `variables`; an error is its message with the file's folder taken out.
fn loaded(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("groundwork.toml");
    std::fs::write(&file, text).unwrap();
    let within = format!("{}/", folder.path().display());
    load(Some(&file), &environment(variables)).map(|(config, _)| config).map_err(|error| error.to_string().replace(&within, ""))
}

#[test]
fn without_a_file_everything_has_a_default_below_the_home_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.toml");
    std::fs::write(&file, "").unwrap();
    let (config, sources) = load(Some(&file), &environment(&[("XDG_CACHE_HOME", "/var/cache/someone")])).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.data_dir, Path::new("/people/someone/.local/share/groundwork"));
    assert_eq!(config.models.folder.as_deref(), Some(Path::new("/var/cache/someone/groundwork/models")));
    assert_eq!(sources, [Source::File(file)]);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let text = "data_dir = \"data\"\napply = [\"a.toml\"]\n[server]\nlisten = \"127.0.0.1:1\"\nheartbeat = \"5s\"\n[limits]\nconcurrent_requests = 7";
    let variables = [
        ("GROUNDWORK__SERVER__LISTEN", "[::1]:2"),
        ("GROUNDWORK__LIMITS__CONCURRENT_REQUESTS", "9"),
        ("GROUNDWORK__LIMITS__DOCUMENT", "1 GiB"),
        ("GROUNDWORK__MODELS__OFFLINE", "true"),
        ("GROUNDWORK__LOG__FORMAT", "json"),
        ("GROUNDWORK__EMBEDDING__MODEL", "12"),
    ];
    let config = loaded(text, &variables).unwrap();
    assert_eq!(config.server.listen.to_string(), "[::1]:2");
    assert_eq!(config.server.heartbeat.duration().as_secs(), 5);
    assert_eq!(config.limits.concurrent_requests.get(), 9);
    assert_eq!(config.limits.document.bytes(), 1 << 30);
    assert_eq!(config.embedding.model, "12", "a text stays a text, even if it looks like a number");
    assert!(config.models.offline);
    assert_eq!(config.log.format, super::super::LogFormat::Json);
    assert!(config.data_dir.is_absolute() && config.data_dir.ends_with("data"), "paths of a file start at the file: {:?}", config.data_dir);
    assert!(config.apply[0].ends_with("a.toml") && config.apply[0].parent() == config.data_dir.parent());
}

#[test]
fn what_is_wrong_is_told_with_its_place_its_key_and_what_to_write() {
    for (text, variables, told) in [
        ("[server]\nlisten = \"localhost\"", &[][..], "groundwork.toml:2: server.listen: invalid socket address syntax"),
        ("\n\n[server]\nlisten = 8080", &[], "groundwork.toml:4: server.listen: invalid type: integer `8080`, expected socket address"),
        (
            "[limits]\nrequest = \"soon\"",
            &[],
            "groundwork.toml:2: limits.request: \"soon\" is not a length of time; write a number with a unit, like \"500ms\", \"30s\" or \"10m\"",
        ),
        (
            "[limits]\nconcurrent_requests = 0",
            &[],
            "groundwork.toml:2: limits.concurrent_requests: invalid value: integer `0`, expected a nonzero usize",
        ),
        (
            "[server]\nport = 80",
            &[],
            "groundwork.toml:2: server.port: unknown field `port`, expected one of `listen`, `shutdown_grace`, `heartbeat`, `header_timeout`, `client_timeout`, `allowed_origins`",
        ),
        ("[server\n", &[], "groundwork.toml:1: not TOML: unclosed table, expected `]`"),
        (
            "",
            &[("GROUNDWORK__SERVER__PORT", "80")],
            "GROUNDWORK__SERVER__PORT: there is no setting `server.port`; known here: allowed_origins, client_timeout, header_timeout, heartbeat, listen, shutdown_grace",
        ),
        ("", &[("GROUNDWORK__SERVER__LISTEN", "80")], "GROUNDWORK__SERVER__LISTEN: server.listen: invalid socket address syntax"),
        (
            "",
            &[("GROUNDWORK__LIMITS__CONNECTIONS", "many")],
            "GROUNDWORK__LIMITS__CONNECTIONS: limits.connections: invalid type: string \"many\", expected a nonzero usize",
        ),
        (
            "",
            &[("GROUNDWORK__LOG__FILTER", "a=b=c")],
            "GROUNDWORK__LOG__FILTER: log.filter: \"a=b=c\" is not a log filter (error parsing level filter: expected one of \"off\", \"error\", \"warn\", \"info\", \"debug\", \"trace\", or a number 0-5); write a level like \"info\" or a list like \"info,groundwork_app=debug\"",
        ),
        (
            "[[targets]]\nkind = \"openai\"\nname = \"x\"\nbase_url = \"nowhere\"",
            &[],
            "groundwork.toml:1: targets[0]: relative URL without a base: \"nowhere\"",
        ),
    ] {
        let error = loaded(text, variables).unwrap_err();
        assert_eq!(error, told);
    }
}

#[test]
fn without_keys_only_this_machine_is_listened_to() {
    let server = ServerConfig { listen: "0.0.0.0:8080".parse().unwrap(), ..ServerConfig::default() };
    assert_eq!(
        server.check(false).unwrap_err().to_string(),
        "server.listen: 0.0.0.0:8080 can be reached from other machines, and this server has no authentication; declare a key in an applied file, or listen on 127.0.0.1:8080 or [::1]:8080"
    );
    assert!(server.check(true).is_ok() && ServerConfig::default().check(false).is_ok());
}

#[test]
fn a_file_that_was_named_must_exist_and_a_home_is_needed_for_the_default_folder() {
    let missing = load(Some(Path::new("/nowhere/groundwork.toml")), &environment(&[])).unwrap_err();
    assert!(missing.to_string().starts_with("/nowhere/groundwork.toml: cannot be read"), "{missing}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.toml");
    std::fs::write(&file, "").unwrap();
    let homeless = load(Some(&file), &Environment::default()).unwrap_err();
    assert_eq!(
        homeless.to_string(),
        "data_dir: neither XDG_DATA_HOME nor HOME is set, so there is no folder of your own to put it; set GROUNDWORK__DATA_DIR or `data_dir` in groundwork.toml"
    );
}

#[test]
fn a_secret_that_was_written_into_the_file_is_refused_and_not_repeated() {
    let text = "[[targets]]\nkind = \"azure_openai\"\nname = \"x\"\nendpoint = \"https://x.openai.azure.com\"\nkey = \"hunter2\"";
    let error = loaded(text, &[]).unwrap_err();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn the_example_of_the_documentation_is_right() {
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md")).unwrap();
    let (_, example) = guide.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let config = loaded(example, &[]).unwrap();
    assert_eq!(config.targets.iter().map(crate::config::TargetConfig::name).collect::<Vec<_>>(), ["azure", "ollama", "echo"]);
    let defaults = Config::default();
    assert_eq!(
        (config.server, config.limits, config.extract),
        (defaults.server, defaults.limits, defaults.extract),
        "the example shows the defaults"
    );
}

#[test]
fn the_committed_schema_is_the_one_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.schema.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let generated = format!("{:#}\n", schema::json_schema());
    assert!(committed == generated, "run: groundwork check-config --schema > docs/config.schema.json");
}
