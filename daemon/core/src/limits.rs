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
/// How many of the last times an act took are remembered, of each kind and app.
pub const LASTING_KEPT_MAX: usize = 5;
/// What took longer tells nothing: the box was off meanwhile, ms.
pub const LASTING_MS_MAX: u64 = 6 * 3_600_000;
/// How long an image made on the box is kept once nothing needs it, ms: who deletes an app may install it again.
pub const IMAGE_KEPT_MS: u64 = 10 * 60_000;
/// Between two looks at whether somebody has set the clock, ms.
pub const CLOCK_LOOKED_AT_EVERY_MS: u64 = 10_000;
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
/// Repositories of backups.
pub const REPOSITORIES_MAX: usize = 8;
/// Bytes of a repository's address.
pub const PLACE_BYTES_MAX: usize = 1_024;
/// Nights between two rounds of backups.
pub const BACKUP_NIGHTS_MAX: u32 = 31;
/// Entries of a snapshot's folder told at once.
pub const SNAPSHOT_LIST_MAX: usize = 1_000;
/// Snapshots kept by one part of a rule.
pub const SNAPSHOTS_KEPT_MAX: u32 = 10_000;
/// After midnight, local time, when rounds of backups begin, ms.
pub const BACKUPS_QUIET_MS: u64 = 2 * 3_600_000;
/// And later than that by up to so much, ms.
pub const BACKUPS_JITTER_MS: u64 = 3_600_000;
/// Without a good snapshot of an app for so long, somebody is told, ms.
pub const BACKUP_LATE_MS: u64 = 2 * DAY_MS;
/// Turns of backups (something saved, or not) that are remembered for the calendar; the oldest is forgotten first.
pub const BACKUP_TURNS_MAX: usize = 4_096;
/// Weeks that the calendar of backups shows.
pub const BACKUP_WEEKS_SHOWN: u64 = 5;
/// For a page to wait until a place of backups says whether it is there, ms.
pub const PLACE_LOOK_MS_MAX: u64 = 2_000;
/// For a page to wait until a repository is read, ms.
pub const SNAPSHOTS_WAIT_MS_MAX: u64 = 20_000;
/// Snapshots, or entries of a snapshot's folder, on a page of the panel.
pub const SNAPSHOT_ROWS: usize = 100;
/// Bytes of names and links that a page of a snapshot's folder holds.
pub const SNAPSHOT_BYTES_ON_PAGE_MAX: usize = 14 * 1024;
/// Between two looks whether a round is due, ms.
pub const BACKUPS_EVERY_MS: u64 = 60_000;
/// For an app to be held while its data are saved, ms; then it goes on and the snapshot fails.
pub const HELD_MS_MAX: u64 = 10 * 60_000;
/// One dump, or the loading of one, ms.
pub const DUMP_MS_MAX: u64 = 6 * 3_600_000;
/// Steps remembered for an app's progress.
pub const PROGRESS_STEPS_MAX: usize = 200;

/// Bytes of an API body.
pub const API_BODY_BYTES_MAX: usize = 256 * 1024;
/// Conversations with the API at the same time.
pub const API_CONNECTIONS_MAX: usize = 64;
/// Conversations of the gateway with the panel at the same time; whoever follows progress holds one. More than the
/// gateway lets one client ask at once (512): no client alone takes them all.
pub const PANEL_CONNECTIONS_MAX: usize = 640;
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
/// Streams of progress that tokens follow, at the same time.
pub const PROGRESS_STREAMS_MAX: usize = 32;
/// One stream of progress, seconds; whoever still listens asks again.
pub const PROGRESS_STREAM_S_MAX: u64 = 4 * 3_600;
/// Last lines of a container that can be asked for.
pub const LOG_LINES_ASKED_MAX: usize = 500;
/// Bytes of ledger entries in one answer, beyond which the page ends.
pub const LEDGER_PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of an API answer that the command line takes in whole.
pub const API_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Ledger entries read at once when all are checked: at the start, and to verify.
pub const LEDGER_READ_AT_ONCE_MAX: u64 = 128;
/// Ledger entries read at once for an export.
pub const LEDGER_EXPORT_AT_ONCE_MAX: u64 = 16;
/// Memory that checking one password takes, KiB: what OWASP asks for Argon2id, and an old PC can spare.
pub const PASSWORD_MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
pub const PASSWORD_PASSES: u32 = 2;
/// Passwords checked at the same time: so many times the memory above.
pub const PASSWORDS_AT_ONCE_MAX: usize = 2;
/// Passwords that wait to be checked.
pub const PASSWORDS_WAITING_MAX: usize = 30;
/// Wrong passwords for one name within a minute, from places where nobody of that name came in before.
pub const WRONG_PASSWORDS_A_MINUTE_MAX: usize = 10;
/// Names for which wrong passwords are remembered.
pub const NAMES_REMEMBERED_MAX: usize = 2_048;
/// Places remembered where somebody came in.
pub const PLACES_REMEMBERED_MAX: usize = 16;
/// For how long such a place is remembered, ms.
pub const PLACE_REMEMBERED_MS: u64 = 60 * DAY_MS;
/// A session that nobody uses ends, ms.
pub const SESSION_IDLE_MS_MAX: u64 = 2 * 3_600 * 1_000;
/// A session ends, used or not, ms.
pub const SESSION_LIFE_MS_MAX: u64 = 12 * 3_600 * 1_000;
/// How exactly it is noted when a session or a token was last used, ms.
pub const LAST_USED_MS: u64 = 60_000;
/// Open sessions of one person; the oldest ends first.
pub const SESSIONS_MAX: usize = 32;
/// Living tokens.
pub const TOKENS_MAX: usize = 50;
/// Bytes of a token's label.
pub const TOKEN_LABEL_BYTES_MAX: usize = 120;
/// A token lasts at most, ms.
pub const TOKEN_LIFE_MS_MAX: u64 = 366 * DAY_MS;
/// A day, ms.
pub const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// Ledger entries looked through for one page of those that are looked for.
pub const LEDGER_SEARCHED_MAX: u64 = 5_000;
/// Between two measures of the machine, ms.
pub const MEASURE_EVERY_MS: u64 = 60_000;
/// Between two questions to the engine whether it is there, ms.
pub const ENGINE_ASKED_EVERY_MS: u64 = 10_000;
/// Between two weighings of all apps' data, ms: each file is looked at.
pub const DATA_WEIGHED_EVERY_MS: u64 = 3_600_000;
/// Between two looks at the recipes' folders, ms.
pub const CATALOGUE_EVERY_MS: u64 = 10_000;
/// Entries about an app on its page.
pub const APP_HISTORY_MAX: usize = 8;
/// Measures of the machine that are remembered: a day.
pub const MEASURES_MAX: usize = 24 * 60;
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

/// Bytes of a form sent to the panel.
pub const FORM_BYTES_MAX: usize = 512 * 1024;
/// Bytes of a form from somebody who is not signed in.
pub const STRANGER_FORM_BYTES_MAX: usize = 16 * 1024;
/// Bytes of the form that chooses a language.
pub const LANGUAGE_FORM_BYTES_MAX: usize = 1024;
/// For a form to arrive, seconds.
pub const FORM_S_MAX: u64 = 15;
/// Fields of a form.
pub const FORM_FIELDS_MAX: usize = 2 * PARTS_MAX + 32;
/// Forms remembered as sent, so that sending one twice does nothing twice.
pub const FORMS_SENT_MAX: usize = 1_024;
/// How long a form is remembered as sent, seconds.
pub const FORM_SENT_S_MAX: u64 = 3_600;
/// Bytes of a cookie that is looked at.
pub const COOKIE_BYTES_MAX: usize = 512;
/// Bytes of a browser's own name that are kept.
pub const BROWSER_BYTES_MAX: usize = 200;
/// Signs of a person's name.
pub const PERSON_NAME_MAX: usize = 60;
/// Signs of a password, at least.
pub const PASSWORD_MIN: usize = 12;
/// Signs of a password.
pub const PASSWORD_MAX: usize = 256;
/// Wrong codes and passwords within a minute from one address.
pub const WRONG_A_MINUTE_MAX: usize = 5;
/// Wrong codes and passwords within a minute from everywhere, before each further try has to wait a little.
pub const WRONG_IN_ALL_A_MINUTE_MAX: usize = 30;
/// That little, ms.
pub const WRONG_WAIT_MS: u64 = 2_000;
/// Addresses whose tries are remembered; the oldest is forgotten first.
pub const TRYING_ADDRESSES_MAX: usize = 4_096;
/// Tries that are being looked at, at the same time.
pub const TRIES_AT_ONCE_MAX: usize = 16;
/// How long a measure of the machine serves the panel's catalogue, ms.
pub const ROOM_KEPT_MS: u64 = 10_000;
/// Ledger entries on a page of the panel.
pub const LEDGER_ROWS: usize = 30;
/// Bytes of words that are searched for.
pub const SEARCH_BYTES_MAX: usize = 100;
/// Pages that follow an app live, at the same time.
pub const LIVE_PAGES_MAX: usize = 32;
/// How long a page is followed before it has to ask again, seconds.
pub const LIVE_PAGE_S_MAX: u64 = 600;
/// Between two words to such a page, at least, ms.
pub const LIVE_EVERY_MS: u64 = 1_000;
/// Container lines on a page, from each container.
pub const LOG_LINES_ON_PAGE: usize = 60;
/// Bytes of a page in all that containers' lines may fill.
pub const LOG_BYTES_ON_PAGE_MAX: usize = 24 * 1024;
/// Points of a picture of the machine.
pub const PICTURE_POINTS_MAX: usize = 96;
