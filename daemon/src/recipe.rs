//! Reading recipes (stands in until the reader lands).
#![allow(missing_docs)]
use crate::ports::{Answer, Fault, Values};
use lavoir_core::id::AppId;
use lavoir_core::release::{Release, Service};

pub fn fill(text: &str, _values: &Values) -> Result<String, Fault> {
    Ok(text.to_owned())
}
pub fn fill_service(service: &Service, _values: &Values) -> Answer<Service> {
    Ok(service.clone())
}
pub fn render_file(
    _app: &AppId,
    release: &Release,
    name: &str,
    _values: &Values,
) -> Answer<String> {
    Ok(release
        .files
        .get(name)
        .map(|f| f.template.clone())
        .unwrap_or_default())
}
