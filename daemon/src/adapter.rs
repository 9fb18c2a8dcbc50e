//! What stands behind the ports. Adapters do not know each other (law L3).

pub mod app_folder;
pub mod durable;
pub mod machine;
pub mod probe;
pub mod sqlite;
pub mod system;
