//! GPUs by NVIDIA's management library, which is loaded where the machine has the driver: nothing of it is needed to
//! build or to start.

use std::path::Path;
use std::sync::Arc;

use nvml_wrapper::Nvml;

/// A machine without this has no driver, and then nothing need be loaded.
const DRIVER: &str = "/dev/nvidiactl";

/// What a GPU does.
#[derive(Clone, Debug, PartialEq)]
pub struct GpuSample {
    /// Its device file, `/dev/nvidia0` and so on.
    pub file: String,
    /// Its address on the bus, `00000000:3B:00.0`, if the library tells it.
    pub address: Option<String>,
    /// Percent of the time in which something ran on it.
    pub utilization: Option<f64>,
    /// Bytes of its memory in use.
    pub memory: Option<u64>,
    /// Watts.
    pub power: Option<f64>,
}

/// The library, and the GPUs it knows.
#[derive(Clone, Default)]
pub(crate) struct Gpus {
    library: Option<Arc<Nvml>>,
    count: u32,
}

impl std::fmt::Debug for Gpus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpus").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Gpus {
    pub(crate) fn of_this_machine() -> Self {
        if !Path::new(DRIVER).exists() {
            return Self::default();
        }
        match Nvml::init() {
            Ok(library) => Self::by(library),
            Err(error) => {
                tracing::warn!(%error, "GPUs are not measured: NVIDIA's management library cannot be used");
                Self::default()
            }
        }
    }

    fn by(library: Nvml) -> Self {
        let count = library.device_count().unwrap_or(0);
        Self { library: Some(Arc::new(library)), count }
    }

    /// What each does now. One that does not answer is left out.
    pub(crate) fn read(&self) -> Vec<GpuSample> {
        let Some(library) = &self.library else { return Vec::new() };
        let device = |number| {
            let device = library.device_by_index(number).ok()?;
            // The number of its file, which need not be that of the library.
            let minor = device.minor_number().ok()?;
            Some(GpuSample {
                file: format!("/dev/nvidia{minor}"),
                // As the field's collectors write it.
                address: device
                    .pci_info()
                    .ok()
                    .map(|at| format!("{:08X}:{:02X}:{:02X}.0", at.domain, at.bus, at.device)),
                utilization: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu)),
                memory: device.memory_info().ok().map(|memory| memory.used),
                power: device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1000.0),
            })
        };
        (0..self.count).filter_map(device).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// As much of the library as is asked: two GPUs, of which the second does not say where it is and what power it takes, and the third
    /// has fallen off the bus.
    const LIBRARY: &str = "
        typedef unsigned int u;
        typedef unsigned long long ull;
        struct rates { u gpu, memory; };
        struct memory { u version; ull total, reserved, free, used; };
        int nvmlInit_v2(void) { return 0; }
        int nvmlShutdown(void) { return 0; }
        int nvmlDeviceGetCount_v2(u *count) { *count = 3; return 0; }
        int nvmlDeviceGetHandleByIndex_v2(u index, void **device) {
            if (index == 2) return 15;
            *device = (void *)(unsigned long)(index + 1);
            return 0;
        }
        int nvmlDeviceGetMinorNumber(void *device, u *minor) { *minor = 8 - (unsigned long)device; return 0; }
        struct pci { char legacy[16]; u domain, bus, device, id, sub; char name[32]; };
        int nvmlDeviceGetPciInfo_v3(void *device, struct pci *at) {
            if (device == (void *)2) return 3;
            at->domain = 0; at->bus = 0x3b; at->device = 0; at->name[0] = 0; return 0;
        }
        int nvmlDeviceGetUtilizationRates(void *device, struct rates *rates) {
            rates->gpu = 40 + (unsigned long)device; rates->memory = 1; return 0;
        }
        int nvmlDeviceGetMemoryInfo_v2(void *device, struct memory *memory) {
            memory->total = 100; memory->used = 30; memory->free = 70; memory->reserved = 0; return 0;
        }
        int nvmlDeviceGetPowerUsage(void *device, u *power) {
            if (device == (void *)2) return 3;
            *power = 70500; return 0;
        }
    ";

    #[test]
    fn what_the_library_knows_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (source, library) = (folder.path().join("nvml.c"), folder.path().join("libnvml.so"));
        std::fs::write(&source, LIBRARY).unwrap();
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
        if !built.is_ok_and(|status| status.success()) {
            eprintln!("skipped: there is no C compiler");
            return;
        }
        let gpus = Gpus::by(Nvml::builder().lib_path(library.as_os_str()).init().unwrap());
        let gpu = |file: &str, address: Option<&str>, utilization, power| GpuSample {
            file: file.to_owned(),
            address: address.map(str::to_owned),
            utilization: Some(utilization),
            memory: Some(30),
            power,
        };
        let first = gpu("/dev/nvidia7", Some("00000000:3B:00.0"), 41.0, Some(70.5));
        assert_eq!(gpus.read(), [first, gpu("/dev/nvidia6", None, 42.0, None)]);
        assert_eq!(Gpus::default().read(), []);
    }
}
