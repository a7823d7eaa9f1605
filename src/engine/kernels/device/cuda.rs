//! The fused CUDA kernels, compiled for the GPU at hand when they are first needed.
//!
//! Separate because only a CUDA build has it. Each function is one launch and has a plain form beside its caller. The
//! invariant: no kernel is used on a machine before all of them have given there what the plain forms give.

pub(super) mod search;

use super::{
    attend::{self, Kept, Memory},
    linear, norm,
    projection::{self, Asked},
    table::Table,
};
use crate::engine::kernels::{activation::Activation, attention::Heads};
use candle_core::{
    CudaDevice, CudaStorage, DType, Device, Result, Shape, Storage, Tensor,
    backend::BackendDevice,
    bail,
    cuda_backend::{
        CudaStorageSlice, WrapErr,
        cudarc::{
            cublas::{result::gemm_ex, sys},
            driver::{CudaSlice, DevicePtr, LaunchConfig, PushKernelArg},
            nvrtc::{CompileOptions, compile_ptx_with_opts},
        },
    },
    op::BackpropOp,
};
use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Mutex, OnceLock, PoisonError},
};

const SOURCE: &str = include_str!("kernels.cu");

/// Threads of a block that computes one row, or one row and head.
const THREADS: u32 = 128;

/// Threads of a block that searches a row of scores.
const WIDE: u32 = 1024;

/// Shared memory that a block may have without asking for more, in bytes.
const SHARED: usize = 48 * 1024;

/// Whether the kernels gave what the plain forms give; not known before they are first wanted.
static AGREE: OnceLock<bool> = OnceLock::new();

/// Returns true where the kernels may be used.
pub fn usable(device: &Device) -> bool {
    matches!(device, Device::Cuda(_)) && *AGREE.get_or_init(|| check(device).unwrap_or(false))
}

/// One argument of a kernel.
#[derive(Clone, Copy)]
enum Argument {
    Address(u64),
    U32(u32),
    I32(i32),
    F32(f32),
}

/// Launches a kernel; `shared` is in values of f32.
fn launch(
    device: &CudaDevice,
    kernel: &str,
    (grid, threads, shared): ((u32, u32), u32, usize),
    arguments: &[Argument],
) -> Result<()> {
    let function = device.get_or_load_custom_func(kernel, "summarize", &ptx(device)?)?;
    let config = LaunchConfig {
        grid_dim: (grid.0, grid.1, 1),
        block_dim: (threads, 1, 1),
        shared_mem_bytes: (shared * size_of::<f32>()) as u32,
    };
    let mut builder = function.builder();
    for argument in arguments {
        match argument {
            Argument::Address(value) => builder.arg(value),
            Argument::U32(value) => builder.arg(value),
            Argument::I32(value) => builder.arg(value),
            Argument::F32(value) => builder.arg(value),
        };
    }
    // SAFETY: the callers pass the arguments that the kernel declares; what the addresses lead to is in use by this stream
    // until the kernel has run, since memory is given back in the order of the stream too.
    unsafe { builder.launch(config) }.w()?;
    Ok(())
}

/// Returns the kernels compiled for a GPU's generation, once for each.
fn ptx(device: &CudaDevice) -> Result<String> {
    static COMPILED: Mutex<Option<HashMap<(i32, i32), String>>> = Mutex::new(None);
    let (major, minor) = device.cuda_stream().context().compute_capability().w()?;
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let compiled = compiled.get_or_insert_default();
    if let Some(ptx) = compiled.get(&(major, minor)) {
        return Ok(ptx.clone());
    }
    let ptx = compile(major, minor)?;
    compiled.insert((major, minor), ptx.clone());
    Ok(ptx)
}

fn compile(major: i32, minor: i32) -> Result<String> {
    let architecture = format!("--gpu-architecture=compute_{major}{minor}");
    let options = CompileOptions { options: vec![architecture], ..CompileOptions::default() };
    Ok(compile_ptx_with_opts(SOURCE, options).w()?.to_src())
}

/// Returns the address of a contiguous tensor's first value.
fn address(tensor: &Tensor) -> Result<u64> {
    if !tensor.is_contiguous() {
        bail!("expected a contiguous tensor");
    }
    start(tensor)
}

/// Returns the address of a tensor's first value, whatever its strides.
fn start(tensor: &Tensor) -> Result<u64> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cuda(storage) = storage.deref() else { bail!("expected a tensor on a GPU") };
    fn of<T>(slice: &CudaSlice<T>, offset: usize) -> u64 {
        slice.slice(offset..).device_ptr(slice.stream()).0
    }
    let offset = layout.start_offset();
    Ok(match &storage.slice {
        CudaStorageSlice::F32(slice) => of(slice, offset),
        CudaStorageSlice::F16(slice) => of(slice, offset),
        CudaStorageSlice::BF16(slice) => of(slice, offset),
        CudaStorageSlice::U32(slice) => of(slice, offset),
        _ => bail!("a kernel was given a tensor of another type"),
    })
}

/// The same of a tensor that may be absent.
fn address_or_null(tensor: Option<&Tensor>) -> Result<Argument> {
    Ok(Argument::Address(tensor.map_or(Ok(0), address)?))
}

/// Returns a tensor whose values are still to be written.
fn unwritten(device: &CudaDevice, shape: impl Into<Shape>, dtype: DType) -> Result<Tensor> {
    let shape = shape.into();
    // SAFETY: the kernel launched next writes every value.
    let storage: CudaStorage = unsafe { device.alloc_uninit(&shape, dtype)? };
    Ok(Tensor::from_storage(Storage::Cuda(storage), shape, BackpropOp::none(), false))
}

/// Returns the name of a kernel for tensors of this type.
fn named(kernel: &str, dtype: DType) -> Result<String> {
    match dtype {
        DType::F32 | DType::F16 | DType::BF16 => Ok(format!("{kernel}_{}", dtype.as_str())),
        _ => bail!("no kernel is for tensors of {dtype:?}"),
    }
}

fn cuda(tensor: &Tensor) -> Result<CudaDevice> {
    Ok(tensor.device().as_cuda_device()?.clone())
}

/// Returns true where a row's scores fit the memory of a block.
pub fn fits(memory: Memory<'_>) -> bool {
    shared_of(memory) * size_of::<f32>() <= SHARED
}

fn shared_of(memory: Memory<'_>) -> usize {
    let warps = THREADS as usize / 32;
    memory.table.shape().1 + (1 + warps) * memory.heads.dim + 32
}

/// Returns attention over cells and the weights asked for; see `attend::attend`.
pub fn attend(queries: &Tensor, memory: Memory<'_>, kept: Kept) -> Result<(Tensor, Option<Tensor>)> {
    let Memory { cells, table, heads, bias } = memory;
    let (device, (rows, longest)) = (cuda(queries)?, table.shape());
    if queries.stride()[1] != 1 {
        bail!("a query's values do not lie side by side");
    }
    let (first, count) = match kept {
        None => (0, 0),
        Some(Some(head)) => (head, 1),
        Some(None) => (0, heads.count),
    };
    let out = unwritten(&device, (rows, heads.width()), queries.dtype())?;
    let taps = match count {
        0 => None,
        _ => Some(unwritten(&device, (count, rows, longest), DType::F32)?),
    };
    let arguments = [
        Argument::Address(start(queries)?),
        Argument::U32(queries.stride()[0] as u32),
        Argument::Address(address(cells)?),
        Argument::Address(address(&table.cells)?),
        Argument::Address(address(&table.lengths)?),
        Argument::U32(longest as u32),
        Argument::U32(heads.dim as u32),
        Argument::F32(heads.scale()),
        address_or_null(bias.map(|bias| bias.table()))?,
        Argument::I32(bias.map_or(0, |bias| bias.reach() as i32)),
        Argument::Address(address(&out)?),
        address_or_null(taps.as_ref())?,
        Argument::U32(first as u32),
        Argument::U32(count as u32),
    ];
    let shape = ((rows as u32, heads.count as u32), THREADS, shared_of(memory));
    launch(&device, &named("attend", queries.dtype())?, shape, &arguments)?;
    Ok((out, taps.map(|taps| taps.mean(0)).transpose()?))
}

/// Returns the normalization of `x + residual`; see `norm::normalize`.
pub fn normalize(
    x: &Tensor,
    residual: Option<&Tensor>,
    (weight, bias): (&Tensor, Option<&Tensor>),
    epsilon: f32,
) -> Result<Tensor> {
    let (device, (rows, columns)) = (cuda(x)?, x.dims2()?);
    let (x, residual) = (x.contiguous()?, residual.map(Tensor::contiguous).transpose()?);
    let out = unwritten(&device, (rows, columns), x.dtype())?;
    let arguments = [
        Argument::Address(address(&x)?),
        address_or_null(residual.as_ref())?,
        Argument::Address(address(weight)?),
        address_or_null(bias)?,
        Argument::U32(columns as u32),
        Argument::F32(epsilon),
        Argument::Address(address(&out)?),
    ];
    launch(&device, &named("normalize", x.dtype())?, ((rows as u32, 1), THREADS, columns + 32), &arguments)?;
    Ok(out)
}

/// Returns the activation of `x + bias`; see `linear::finish`.
pub fn finish(x: &Tensor, bias: Option<&Tensor>, activation: Option<Activation>) -> Result<Tensor> {
    let (device, (rows, columns)) = (cuda(x)?, x.dims2()?);
    let out = unwritten(&device, (rows, columns), x.dtype())?;
    // In the order of the kernel's `enum Activation`.
    let code = match activation {
        None => 0,
        Some(Activation::Relu) => 1,
        Some(Activation::Swish) => 2,
        Some(Activation::Gelu) => 3,
        Some(Activation::GeluNew) => 4,
        Some(Activation::QuickGelu) => 5,
        Some(Activation::Tanh) => 6,
    };
    let arguments = [
        Argument::Address(address(x)?),
        address_or_null(bias)?,
        Argument::U32(columns as u32),
        Argument::U32(code),
        Argument::Address(address(&out)?),
    ];
    let grid = (rows as u32, (columns as u32).div_ceil(THREADS));
    launch(&device, &named("finish", x.dtype())?, (grid, THREADS, 0), &arguments)?;
    Ok(out)
}

/// Returns the best scores of each row and the totals; see `projection::top`.
pub fn top(scores: &Tensor, bias: Option<&Tensor>, asked: Asked<'_>) -> Result<Tensor> {
    let (device, (rows, columns)) = (cuda(scores)?, scores.dims2()?);
    let names = asked.ruled_out.map_or(Ok(0), |names| names.dim(1))?;
    let out = unwritten(&device, (rows, 2 + 2 * asked.count), DType::F32)?;
    let arguments = [
        Argument::Address(address(scores)?),
        address_or_null(bias)?,
        Argument::U32(columns as u32),
        Argument::U32(asked.count as u32),
        address_or_null(asked.ruled_out)?,
        Argument::U32(names as u32),
        Argument::Address(address(&out)?),
    ];
    launch(&device, "top", ((rows as u32, 1), WIDE, 0), &arguments)?;
    Ok(out)
}

/// Returns the product of `hidden` and `weight` in f32; see `projection::wide_product`.
pub fn wide_product(hidden: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (device, (rows, inputs), outputs) = (cuda(hidden)?, hidden.dims2()?, weight.dim(1)?);
    let narrow = match hidden.dtype() {
        DType::F16 => sys::cudaDataType_t::CUDA_R_16F,
        DType::BF16 => sys::cudaDataType_t::CUDA_R_16BF,
        _ => sys::cudaDataType_t::CUDA_R_32F,
    };
    let out = unwritten(&device, (rows, outputs), DType::F32)?;
    let (one, zero) = (1f32, 0f32);
    let keep = sys::cublasOperation_t::CUBLAS_OP_N;
    device.cuda_stream().context().bind_to_thread().w()?;
    // SAFETY: cuBLAS reads columns where rows lie, so out^T (outputs, rows) = weight^T (outputs, inputs) hidden^T (inputs,
    // rows); the tensors are contiguous and have these shapes.
    unsafe {
        gemm_ex(
            *device.cublas_handle().handle(),
            keep,
            keep,
            outputs as i32,
            rows as i32,
            inputs as i32,
            (&raw const one).cast(),
            address(weight)? as *const _,
            narrow,
            outputs as i32,
            address(hidden)? as *const _,
            narrow,
            inputs as i32,
            (&raw const zero).cast(),
            address(&out)? as *mut _,
            sys::cudaDataType_t::CUDA_R_32F,
            outputs as i32,
            sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
            sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT_TENSOR_OP,
        )
    }
    .w()?;
    Ok(out)
}

/// Compares every kernel with its plain form, in every type.
fn check(device: &Device) -> Result<bool> {
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        let random = |shape: &[usize]| Tensor::randn(0f32, 1f32, shape, device)?.to_dtype(dtype);
        let agree = check_attention(&random)? && check_rows(&random)? && check_projection(&random)?;
        if !agree {
            return Ok(false);
        }
    }
    search::check(device)
}

type Random<'a> = &'a dyn Fn(&[usize]) -> Result<Tensor>;

fn check_attention(random: Random<'_>) -> Result<bool> {
    let heads = Heads::new(3, 40);
    let (queries, cells) = (random(&[4, 360])?.narrow(1, 0, 120)?, random(&[50, 240])?);
    let rows: Vec<Vec<u32>> = [1, 7, 33, 20].iter().map(|n| (0..*n).map(|t| (t * 13 + n) % 50).collect()).collect();
    let table = Table::new(&rows, cells.device())?;
    for kept in [None, Some(None), Some(Some(2))] {
        let memory = Memory { cells: &cells, table: &table, heads, bias: None };
        let (got, want) = (attend(&queries, memory, kept)?, attend::plain(&queries, memory, kept)?);
        let taps_agree = match (&got.1, &want.1) {
            (Some(got), Some(want)) => close(got, want, queries.dtype())?,
            (got, want) => got.is_none() && want.is_none(),
        };
        if !(taps_agree && close(&got.0, &want.0, queries.dtype())?) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn check_rows(random: Random<'_>) -> Result<bool> {
    let (x, residual, weight, bias) = (random(&[5, 200])?, random(&[5, 200])?, random(&[200])?, random(&[200])?);
    for (residual, bias) in [(Some(&residual), Some(&bias)), (None, Some(&bias)), (Some(&residual), None)] {
        let got = normalize(&x, residual, (&weight, bias), 1e-5)?;
        if !close(&got, &norm::plain(&x, residual, (&weight, bias), 1e-5)?, x.dtype())? {
            return Ok(false);
        }
    }
    let activations = [
        Activation::Relu,
        Activation::Swish,
        Activation::Gelu,
        Activation::GeluNew,
        Activation::QuickGelu,
        Activation::Tanh,
    ]
    .map(Some);
    for activation in activations.into_iter().chain([None]) {
        let got = finish(&x, Some(&bias), activation)?;
        if !close(&got, &linear::plain(&x, Some(&bias), activation)?, x.dtype())? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn check_projection(random: Random<'_>) -> Result<bool> {
    let (hidden, weight) = (random(&[3, 64])?, random(&[64, 5_000])?);
    let scores = wide_product(&hidden, &weight)?;
    let bias = random(&[5_000])?.to_dtype(DType::F32)?;
    let ruled_out = Tensor::new(&[[7u32, 4_999], [0, 5_000], [3, 3]], hidden.device())?;
    let asked = Asked { count: 9, ruled_out: Some(&ruled_out) };
    let (got, want) = (top(&scores, Some(&bias), asked)?, projection::plain_top(&scores, Some(&bias), asked)?);
    let product_agrees = close(&scores, &projection::plain_wide_product(&hidden, &weight)?, DType::F16)?;
    Ok(product_agrees && close(&got, &want, DType::F32)?)
}

/// Returns true where two tensors are equal but for the rounding of a type.
fn close(a: &Tensor, b: &Tensor, dtype: DType) -> Result<bool> {
    let tolerance = match dtype {
        DType::BF16 => 6e-2,
        DType::F16 => 8e-3,
        _ => 1e-3,
    };
    let (a, b) = (a.to_dtype(DType::F32)?, b.to_dtype(DType::F32)?);
    let gap = ((&a - &b)?.abs()? / (b.abs()? + 1.0)?)?.max_all()?.to_scalar::<f32>()?;
    // Written so that a gap that is no number is none that is small.
    Ok(gap < tolerance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_compile_for_ampere_and_hopper_without_a_gpu() {
        for (major, minor) in [(8, 0), (9, 0)] {
            let ptx = compile(major, minor).unwrap();
            for kernel in
                ["attend_bf16", "attend_f16", "attend_f32", "normalize_bf16", "finish_f16", "top", "lay", "advance"]
            {
                assert!(ptx.contains(&format!(".entry {kernel}(")), "{kernel}");
            }
        }
    }

    #[test]
    fn the_kernels_give_what_the_plain_forms_give() {
        match Device::new_cuda_with_stream(0) {
            Ok(device) => assert!(check(&device).unwrap()),
            Err(error) => eprintln!("skipped: no CUDA device: {error}"),
        }
    }
}
