//! Every maximum of the system (law L8). Units stand last in the names.

/// Bytes of a short name.
pub const SLUG_BYTES_MAX: usize = 30;
/// Bytes of the name of a part of a recipe.
pub const PART_BYTES_MAX: usize = 40;
/// Apps on one box.
pub const APPS_MAX: usize = 200;
/// Services of one recipe.
pub const SERVICES_MAX: usize = 16;
/// Questions, secrets, routes, volumes, files, hooks of one recipe, each.
pub const PARTS_MAX: usize = 64;

/// Addresses of all apps together: each has a certificate, and the gateway carries so many.
pub const HOSTS_MAX: usize = 1_000;
/// Routes and well-known paths of all apps together.
pub const DOORS_MAX: usize = 8_000;

/// Bytes of one text file of a recipe.
pub const RECIPE_FILE_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a recipe's folder in all.
pub const RECIPE_BYTES_MAX: usize = 1024 * 1024;
/// Files of a recipe's folder.
pub const RECIPE_FILES_MAX: usize = 256;
/// Bytes of one answer.
pub const ANSWER_BYTES_MAX: usize = 4096;
/// Bytes of one rendered text.
pub const RENDERED_BYTES_MAX: usize = 1024 * 1024;
/// Steps the template machine may take for one text.
pub const TEMPLATE_FUEL_MAX: u64 = 100_000;
/// Nesting of a YAML document.
pub const YAML_DEPTH_MAX: usize = 32;

/// Bytes of one ledger entry.
pub const ENTRY_BYTES_MAX: usize = 2 * RECIPE_BYTES_MAX;
/// Signs of a generated secret.
pub const SECRET_LENGTH_MAX: u32 = 512;
/// Signs of a generated secret, at least.
pub const SECRET_LENGTH_MIN: u32 = 12;

/// Apps worked on at the same time.
pub const APPS_AT_ONCE_MAX: usize = 3;
/// Tries of a step that may succeed the next time.
pub const STEP_TRIES_MAX: u32 = 4;
/// Tries of a pull: a line that is down comes back, and nobody is harmed by waiting for it.
pub const PULL_TRIES_MAX: u32 = 10;
/// First pause between two tries, ms; each next one is twice as long.
pub const STEP_PAUSE_MS: u64 = 1_000;
/// Pause between two tries at the most, ms.
pub const STEP_PAUSE_MS_MAX: u64 = 60_000;
/// Between two looks at the world without a reason, ms.
pub const RECONCILE_EVERY_MS: u64 = 10_000;
/// How long an image made on the box is kept once nothing needs it, ms: who deletes an app may install it again.
pub const IMAGE_KEPT_MS: u64 = 10 * 60_000;
/// Between two looks at the certificates' ages, ms.
pub const CERTIFICATES_EVERY_MS: u64 = 3_600_000;
/// Orders for TLS certificates within three hours, of all names together (Let's Encrypt: 300).
pub const ORDERS_IN_3_HOURS_MAX: usize = 100;
/// Orders for one name that failed within an hour (Let's Encrypt: 5 failed validations).
pub const ORDERS_FAILED_IN_HOUR_MAX: usize = 4;
/// Certificates for the same name within a week (Let's Encrypt: 5).
pub const CERTIFICATES_OF_NAME_IN_WEEK_MAX: usize = 4;
/// Certificates for names that had none, within a week, of all names together (Let's Encrypt: 50 under a domain).
pub const CERTIFICATES_NEW_IN_WEEK_MAX: usize = 40;
/// Between two rounds over the certificates, at least, ms.
pub const ORDERS_PAUSE_MS: u64 = 1_000;
/// And at the most: the clock may have been put right in the meantime, ms.
pub const ORDERS_EVERY_MS_MAX: u64 = 600_000;
/// One order from its beginning to its certificate, ms.
pub const ORDER_MS_MAX: u64 = 15 * 60_000;
/// For the gateway to take the answer to a challenge, ms.
pub const GATEWAY_ANSWERS_MS_MAX: u64 = 20_000;
/// One request to an authority, ms.
pub const AUTHORITY_ANSWERS_MS_MAX: u64 = 30_000;
/// Bytes of an authority's answer.
pub const AUTHORITY_BYTES_MAX: usize = 256 * 1024;
/// For an authority to have looked at a proof, and to make a certificate, each, ms.
pub const AUTHORITY_WORKS_MS_MAX: u64 = 180_000;
/// A DNS server's answer, or one connection to a name of our own, ms.
pub const NAME_LOOK_MS_MAX: u64 = 10_000;
/// Orders remembered.
pub const ORDERS_REMEMBERED_MAX: usize = 2_000;
/// For a container without a health check of its own, seconds it is waited for.
pub const HEALTH_WAIT_S: u32 = 300;
/// Restarts of a container by the engine before it counts as one that does not stay.
pub const RESTARTS_PATIENT_MAX: i64 = 6;
/// A one-shot service or a build, seconds.
pub const ONE_SHOT_S_MAX: u32 = 3_600;
/// Last lines of a container shown when a step fails.
pub const LOG_LINES_SHOWN_MAX: usize = 40;
/// Bytes of one such line.
pub const LOG_LINE_BYTES_MAX: usize = 400;
/// Steps remembered for an app's progress.
pub const PROGRESS_STEPS_MAX: usize = 200;

/// Bytes of an API body.
pub const API_BODY_BYTES_MAX: usize = 256 * 1024;
/// Conversations with the API at the same time.
pub const API_CONNECTIONS_MAX: usize = 64;
/// For the head of a request to arrive, seconds.
pub const API_HEAD_S: u64 = 10;
/// For an answer of the API to begin, seconds.
pub const API_ANSWER_S: u64 = 120;
/// Between two pictures of an app's progress, ms.
pub const PROGRESS_EVERY_MS: u64 = 200;
/// For the gateway to open the door of an app that is ready, ms; then it is said to be ready all the same.
pub const GATEWAY_OPENS_MS_MAX: u64 = 5_000;
/// For the gateway to shut an app's doors before its containers are touched, ms; then they are touched all the same.
pub const GATEWAY_SHUTS_MS_MAX: u64 = 5_000;
/// The same picture again when nothing moves, so that a lost listener is noticed, ms.
pub const PROGRESS_AGAIN_MS: u64 = 10_000;
/// One stream of progress, seconds; whoever still listens asks again.
pub const PROGRESS_STREAM_S_MAX: u64 = 4 * 3_600;
/// Last lines of a container that can be asked for.
pub const LOG_LINES_ASKED_MAX: usize = 500;
/// Bytes of ledger entries in one answer, beyond which the page ends.
pub const LEDGER_PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of an API answer that the command line takes in whole.
pub const API_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Sessions of the panel's first page; the oldest ends first.
pub const PANEL_SESSIONS_MAX: usize = 32;
/// A session of the panel's first page, seconds.
pub const PANEL_SESSION_S_MAX: u64 = 12 * 3_600;
/// Tries of the set-up code within a minute, by everybody together.
pub const SETUP_TRIES_A_MINUTE_MAX: usize = 5;
/// Ledger entries read at once for an export.
pub const LEDGER_EXPORT_AT_ONCE_MAX: u64 = 16;
/// Ledger entries in one answer.
pub const LEDGER_PAGE_MAX: u64 = 500;

/// Bytes kept on the disk for the ledger alone: some hundred acts, and room for SQLite to work.
pub const LEDGER_RESERVE_BYTES: usize = 8 * 1024 * 1024;
/// Bytes free on the disk from which on they are kept (again).
pub const LEDGER_RESERVE_FREE_BYTES: u64 = 4 * LEDGER_RESERVE_BYTES as u64;
/// Disk that is never given to an app, MiB: the box must always be able to be told to free some.
pub const DISK_RESERVE_MIB: u64 = 1_024;
/// Memory kept for the system, MiB.
pub const RAM_RESERVE_MIB: u64 = 384;

/// Size of each container log file, bytes.
pub const CONTAINER_LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;
/// Files of a container's log.
pub const CONTAINER_LOG_FILES_MAX: u32 = 3;
/// Processes of a container that says nothing else.
pub const PIDS_DEFAULT: u32 = 512;
/// Thousandths of a core for a container that says nothing else.
pub const CPU_MILLI_DEFAULT: u32 = 1_500;
/// Seconds a container may take to stop when it says nothing else.
pub const STOP_GRACE_S: u32 = 20;

const _: () = assert!(RECIPE_FILE_BYTES_MAX <= RECIPE_BYTES_MAX);
const _: () = assert!(RECIPE_BYTES_MAX <= ENTRY_BYTES_MAX);
const _: () = assert!(STEP_PAUSE_MS <= STEP_PAUSE_MS_MAX);
