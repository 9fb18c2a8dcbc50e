//! What stands behind the ports. Adapters do not know each other (law L3); `durable` is the ground they share.

pub mod acme;
pub mod app_folder;
pub mod box_ca;
pub mod certificate_folder;
pub mod dns;
pub mod docker;
pub mod durable;
pub mod gateway_socket;
pub mod gauges;
pub mod machine;
pub mod probe;
pub mod repositories;
pub mod sqlite;
pub mod system;
