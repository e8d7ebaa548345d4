//! stub
pub async fn run_on_data(_d: &std::path::Path) -> Result<std::process::ExitCode, crate::Failure> {
    Err(crate::Failure::new("x"))
}
pub async fn run_on_url(_d: &str, _t: &str) -> Result<std::process::ExitCode, crate::Failure> {
    Err(crate::Failure::new("x"))
}
