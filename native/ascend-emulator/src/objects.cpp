// Tensors, scalars, arrays and lists of the operator layer: created, described, destroyed.
#include "nn.h"

namespace emu {

size_t size_of_type(int32_t type)
{
    return impl_aclDataTypeSize(type);
}

const char *name_of_type(int32_t type)
{
    switch (type) {
    case F32: return "FLOAT";
    case F16: return "FLOAT16";
    case BF16: return "BF16";
    case INT8: return "INT8";
    case INT16: return "INT16";
    case INT32: return "INT32";
    case INT64: return "INT64";
    case UINT8: return "UINT8";
    case UINT64: return "UINT64";
    case DOUBLE: return "DOUBLE";
    case BOOL: return "BOOL";
    case F8_E4M3FN: return "FLOAT8_E4M3FN";
    case F8_E5M2: return "FLOAT8_E5M2";
    default: return "another dtype";
    }
}

bool is_float(int32_t type)
{
    return type == F32 || type == F16 || type == BF16;
}

bool is_integer(int32_t type)
{
    return type == BOOL || (type >= INT8 && type <= UINT64 && type != 5);
}

int64_t Tensor::count() const
{
    int64_t n = 1;
    for (int64_t d : dims)
        n *= d;
    return n;
}

bool Tensor::contiguous() const
{
    int64_t expected = 1;
    for (int64_t i = rank() - 1; i >= 0; i--) {
        if (dims[i] != 1 && strides[i] != expected)
            return count() == 0;
        expected *= dims[i];
    }
    return true;
}

int64_t Tensor::first() const
{
    int64_t at = offset;
    for (int64_t i = 0; i < rank(); i++)
        if (strides[i] < 0)
            at += (dims[i] - 1) * strides[i];
    return at;
}

int64_t Tensor::last() const
{
    if (count() == 0)
        return first();
    int64_t at = offset;
    for (int64_t i = 0; i < rank(); i++)
        if (strides[i] > 0)
            at += (dims[i] - 1) * strides[i];
    return at + 1;
}

std::string Tensor::text() const
{
    auto list = [](const std::vector<int64_t> &values) {
        std::string s = "(";
        for (size_t i = 0; i < values.size(); i++)
            s += (i ? "," : "") + std::to_string(values[i]);
        return s + ")";
    };
    return std::string(name_of_type(type)) + list(dims) + " strides " + list(strides) + emu::format(" offset %lld", (long long)offset)
        + " storage " + list(storage);
}

static void describe(Tensor &t, const int64_t *dims, uint64_t n, int32_t type, const int64_t *strides, int64_t offset,
    int32_t format, const int64_t *storage, uint64_t storage_n, void *data)
{
    t.dims.assign(dims, dims + n);
    t.strides.assign(n, 1);
    if (strides)
        t.strides.assign(strides, strides + n);
    else
        for (int64_t i = static_cast<int64_t>(n) - 2; i >= 0; i--)
            t.strides[i] = t.strides[i + 1] * std::max<int64_t>(1, t.dims[i + 1]);
    t.storage = storage ? std::vector<int64_t>(storage, storage + storage_n) : t.dims;
    t.offset = offset;
    t.type = type;
    t.format = format;
    t.address = reinterpret_cast<uint64_t>(data);
}

static int32_t destroy(const void *handle, Kind kind)
{
    if (!handle)
        return OK;
    return entry("aclDestroy", [&] {
        try {
            object_of(handle, kind, NN_PARAM_INVALID);
        } catch (const Status &) {
            return; // the status is 0 whatever happens; rule 1 is recorded
        }
        take_handle(handle);
    });
}

static void *create_array(std::vector<int64_t> values)
{
    auto array = std::make_shared<Array>();
    array->values = std::move(values);
    return give_handle(Kind::ARRAY, array);
}

template <class T> static int32_t with_tensor(const char *function, const void *handle, const void *out, T body)
{
    return entry(function, [&] {
        if (!handle || !out)
            fail(NN_PARAM_NULLPTR, "an argument is null");
        body(*as<Tensor>(handle, Kind::TENSOR, NN_PARAM_INVALID));
    });
}

} // namespace emu

using namespace emu;

EMU_EXPORT void *impl_aclCreateTensor(const int64_t *viewDims, uint64_t viewDimsNum, int32_t dataType, const int64_t *stride,
    int64_t offset, int32_t format, const int64_t *storageDims, uint64_t storageDimsNum, void *tensorData)
{
    if ((!viewDims && viewDimsNum) || viewDimsNum > 32)
        return nullptr;
    auto tensor = std::make_shared<Tensor>();
    describe(*tensor, viewDims, viewDimsNum, dataType, stride, offset, format, storageDims, storageDimsNum, tensorData);
    return give_handle(Kind::TENSOR, tensor);
}

EMU_EXPORT int32_t impl_aclInitTensor(void *handle, const int64_t *viewDims, uint64_t viewDimsNum, int32_t dataType,
    const int64_t *stride, int64_t offset, int32_t format, const int64_t *storageDims, uint64_t storageDimsNum, void *address)
{
    return with_tensor("aclInitTensor", handle, viewDims, [&](Tensor &t) {
        describe(t, viewDims, viewDimsNum, dataType, stride, offset, format, storageDims, storageDimsNum, address);
    });
}

EMU_EXPORT int32_t impl_aclDestroyTensor(const void *tensor)
{
    return destroy(tensor, Kind::TENSOR);
}

EMU_EXPORT void *impl_aclCreateScalar(void *value, int32_t dataType)
{
    if (!value)
        return nullptr;
    auto scalar = std::make_shared<Scalar>();
    scalar->type = dataType;
    auto read = [value](auto zero) {
        std::memcpy(&zero, value, sizeof zero);
        return zero;
    };
    auto bits16 = [&] { return read(uint16_t{0}); };
    switch (dataType) {
    case F32: scalar->real = read(0.f); break;
    case DOUBLE: scalar->real = read(0.0); break;
    case BF16: {
        uint32_t wide = static_cast<uint32_t>(bits16()) << 16;
        float f;
        std::memcpy(&f, &wide, 4);
        scalar->real = f;
        break;
    }
    case F16: {
        _Float16 half;
        std::memcpy(&half, value, 2);
        scalar->real = static_cast<double>(half);
        break;
    }
    case INT8: scalar->integer = read(int8_t{0}); break;
    case UINT8: scalar->integer = read(uint8_t{0}); break;
    case BOOL: scalar->integer = read(uint8_t{0}) != 0; break;
    case INT16: scalar->integer = read(int16_t{0}); break;
    case INT32: scalar->integer = read(int32_t{0}); break;
    case INT64: case UINT64: scalar->integer = read(int64_t{0}); break;
    default: return nullptr;
    }
    if (is_integer(dataType))
        scalar->real = static_cast<double>(scalar->integer);
    else
        scalar->integer = static_cast<int64_t>(scalar->real);
    return give_handle(Kind::SCALAR, scalar);
}

EMU_EXPORT int32_t impl_aclDestroyScalar(const void *scalar)
{
    return destroy(scalar, Kind::SCALAR);
}

EMU_EXPORT void *impl_aclCreateIntArray(const int64_t *value, uint64_t size)
{
    return value || !size ? create_array(std::vector<int64_t>(value, value + size)) : nullptr;
}

EMU_EXPORT int32_t impl_aclDestroyIntArray(const void *array)
{
    return destroy(array, Kind::ARRAY);
}

EMU_EXPORT void *impl_aclCreateFloatArray(const float *value, uint64_t size)
{
    if (!value && size)
        return nullptr;
    std::vector<int64_t> bits(size);
    for (uint64_t i = 0; i < size; i++)
        std::memcpy(&bits[i], &value[i], 4);
    return create_array(std::move(bits));
}

EMU_EXPORT int32_t impl_aclDestroyFloatArray(const void *array)
{
    return destroy(array, Kind::ARRAY);
}

EMU_EXPORT void *impl_aclCreateBoolArray(const bool *value, uint64_t size)
{
    return value || !size ? create_array(std::vector<int64_t>(value, value + size)) : nullptr;
}

EMU_EXPORT int32_t impl_aclDestroyBoolArray(const void *array)
{
    return destroy(array, Kind::ARRAY);
}

static void *create_list(const void *const *value, uint64_t size, Kind kind, Kind of)
{
    if (!value && size)
        return nullptr;
    auto list = std::make_shared<List>();
    for (uint64_t i = 0; i < size; i++) {
        if (value[i] && !peek(value[i], of))
            violation(1, UNDEFINED, "a list is made of an element that does not live");
        list->items.push_back(const_cast<void *>(value[i]));
    }
    return give_handle(kind, list);
}

static int32_t destroy_list(const void *handle, Kind kind, Kind of)
{
    if (!handle)
        return OK;
    return entry("aclDestroyTensorList", [&] {
        std::shared_ptr<List> list;
        try {
            list = as<List>(handle, kind, NN_PARAM_INVALID);
        } catch (const Status &) {
            return;
        }
        for (void *item : list->items) {
            if (!item)
                continue;
            if (peek(item, of))
                take_handle(item);
            else
                violation(12, UNDEFINED, "a list destroys an element that was destroyed before: the list owns its elements");
        }
        take_handle(handle);
    });
}

EMU_EXPORT void *impl_aclCreateTensorList(const void *const *value, uint64_t size)
{
    return create_list(value, size, Kind::TENSOR_LIST, Kind::TENSOR);
}

EMU_EXPORT int32_t impl_aclDestroyTensorList(const void *array)
{
    return destroy_list(array, Kind::TENSOR_LIST, Kind::TENSOR);
}

EMU_EXPORT void *impl_aclCreateScalarList(const void *const *value, uint64_t size)
{
    return create_list(value, size, Kind::SCALAR_LIST, Kind::SCALAR);
}

EMU_EXPORT int32_t impl_aclDestroyScalarList(const void *array)
{
    return destroy_list(array, Kind::SCALAR_LIST, Kind::SCALAR);
}

EMU_EXPORT int32_t impl_aclGetViewOffset(const void *tensor, int64_t *offset)
{
    return with_tensor("aclGetViewOffset", tensor, offset, [&](Tensor &t) { *offset = t.offset; });
}

EMU_EXPORT int32_t impl_aclGetFormat(const void *tensor, int32_t *format)
{
    return with_tensor("aclGetFormat", tensor, format, [&](Tensor &t) { *format = t.format; });
}

EMU_EXPORT int32_t impl_aclGetDataType(const void *tensor, int32_t *dataType)
{
    return with_tensor("aclGetDataType", tensor, dataType, [&](Tensor &t) { *dataType = t.type; });
}

EMU_EXPORT int32_t impl_aclGetRawTensorAddr(const void *tensor, void **addr)
{
    return with_tensor("aclGetRawTensorAddr", tensor, addr, [&](Tensor &t) { *addr = reinterpret_cast<void *>(t.address); });
}

EMU_EXPORT int32_t impl_aclSetRawTensorAddr(void *tensor, void *addr)
{
    return with_tensor("aclSetRawTensorAddr", tensor, tensor, [&](Tensor &t) { t.address = reinterpret_cast<uint64_t>(addr); });
}

EMU_EXPORT int32_t impl_aclGetIntArraySize(const void *array, uint64_t *size)
{
    return entry("aclGetIntArraySize", [&] {
        if (!array || !size)
            fail(NN_PARAM_NULLPTR, "an argument is null");
        *size = as<Array>(array, Kind::ARRAY, NN_PARAM_INVALID)->values.size();
    });
}

EMU_EXPORT int32_t impl_aclGetTensorListSize(const void *list, uint64_t *size)
{
    return entry("aclGetTensorListSize", [&] {
        if (!list || !size)
            fail(NN_PARAM_NULLPTR, "an argument is null");
        *size = as<List>(list, Kind::TENSOR_LIST, NN_PARAM_INVALID)->items.size();
    });
}
