// The two phases of every operator: the first checks and describes, the second puts the work into a stream.
#include "nn.h"

namespace emu {

namespace {

struct Executor : Object {
    std::shared_ptr<Call> call;
    bool used = false, repeatable = false, cache_hit = false, touched = false;
    int thread = 0;
};

std::unordered_map<std::string, Kernel> &kernels()
{
    static auto *one = new std::unordered_map<std::string, Kernel>;
    return *one;
}

thread_local std::set<std::string> op_cache;
thread_local uint64_t op_cache_epoch = 0;
thread_local const void *last_executor = nullptr; // of this thread's last phase 1: only it may become repeatable

uint64_t cache_epoch = 1;

bool runs_on(const Operator &op, Product product)
{
    std::string products = op.products;
    if (products.empty())
        return true;
    const char *key = product == Product::A950 ? "950+" : product == Product::A3 ? "A3+" : product == Product::A2 ? "A2+" : "310P+";
    return products.find(key) != std::string::npos;
}

/* The rows of a view that lie next to each other, as ranges of bytes; one range around all where there are too many. */
void add_ranges(std::vector<Range> &ranges, const Tensor &t, bool write)
{
    if (t.count() == 0)
        return;
    uint64_t size = t.element();
    struct Dim { int64_t n, stride; };
    std::vector<Dim> dims;
    for (int64_t i = 0; i < t.rank(); i++)
        if (t.dims[i] > 1 && t.strides[i])
            dims.push_back({t.dims[i], std::abs(t.strides[i])});
    std::sort(dims.begin(), dims.end(), [](const Dim &a, const Dim &b) { return a.stride < b.stride; });
    int64_t run = 1;
    size_t k = 0;
    while (k < dims.size() && dims[k].stride <= run)
        run = (dims[k].n - 1) * dims[k].stride + run, k++;
    int64_t runs = 1;
    for (size_t i = k; i < dims.size(); i++)
        runs *= dims[i].n;
    uint64_t base = t.address + static_cast<uint64_t>(t.first()) * size;
    if (runs > 2048) {
        ranges.push_back({base, static_cast<uint64_t>(t.last() - t.first()) * size, write});
        return;
    }
    for (int64_t r = 0; r < runs; r++) {
        int64_t rest = r, at = 0;
        for (size_t i = k; i < dims.size(); i++) {
            at += rest % dims[i].n * dims[i].stride;
            rest /= dims[i].n;
        }
        ranges.push_back({base + static_cast<uint64_t>(at) * size, static_cast<uint64_t>(run) * size, write});
    }
}

void read_tensor(Argument &a, void *handle)
{
    auto tensor = as<Tensor>(handle, Kind::TENSOR, NN_PARAM_INVALID);
    a.tensors.push_back(*tensor);
    a.handles.push_back(handle);
}

/* Takes a snapshot of an argument: what phase 2 will run with. */
void read(Argument &a, const Raw &raw)
{
    const std::string kind = a.parameter->kind;
    void *handle = const_cast<void *>(raw.p);
    a.i = raw.i;
    a.d = raw.d;
    if (kind == "i8" || kind == "i64" || kind == "u64" || kind == "f32" || kind == "f64" || kind == "bool" || kind == "dt") {
        a.given = true;
        return;
    }
    a.given = raw.p != nullptr;
    if (!a.given)
        return;
    if (kind == "str") {
        a.text = static_cast<const char *>(raw.p);
    } else if (kind == "T" || kind == "oT") {
        read_tensor(a, handle);
    } else if (kind == "L" || kind == "oL") {
        for (void *item : as<List>(handle, Kind::TENSOR_LIST, NN_PARAM_INVALID)->items)
            if (item)
                read_tensor(a, item);
        a.handles.push_back(handle);
        a.given = !a.tensors.empty();
    } else if (kind == "S") {
        a.scalar = *as<Scalar>(handle, Kind::SCALAR, NN_PARAM_INVALID);
        a.handles.push_back(handle);
    } else {
        a.ints = as<Array>(handle, Kind::ARRAY, NN_PARAM_INVALID)->values;
        a.handles.push_back(handle);
    }
}

/* Where the format FRACTAL_NZ may stand: weights of the operators made for it, and the cast between the formats. */
bool takes_fractal(const Operator &op, const std::string &name)
{
    std::string of = op.name;
    if (of == "aclnnNpuFormatCast")
        return true;
    bool weight = name == "mat2" || name == "weight" || name == "weightDq" || name == "weightUqQr" || name == "weightDkvKr";
    return weight && (of.find("WeightNz") != std::string::npos || of == "aclnnMlaProlog"
        || (profile_8_1() && (of == "aclnnMm" || of == "aclnnMatmul")));
}

void check_tensor(const Operator &op, const Argument &a, const Tensor &t)
{
    const char *name = a.parameter->name;
    Product product = state().settings.product;
    if (t.type == BF16 && product == Product::P310)
        fail(NN_PARAM_INVALID, format("%s is BF16, which 310P does not have", name));
    if (t.type >= HIF8 && product != Product::A950)
        fail(NN_PARAM_INVALID, format("%s has an 8-bit or 4-bit float type, which only 950 has", name));
    if (!size_of_type(t.type))
        fail(NN_PARAM_INVALID, format("%s has dtype %d", name, t.type));
    if (a.parameter->types && !(a.parameter->types & bit(t.type)))
        fail(NN_PARAM_INVALID, format("%s is %s, which this operator does not take", name, t.text().c_str()));
    if (t.format == FRACTAL_NZ && !takes_fractal(op, name))
        fail(NN_PARAM_INVALID, format("%s is FRACTAL_NZ, which this operator does not take there", name));
    if (t.rank() > 8)
        fail(NN_PARAM_INVALID, format("%s has more than 8 dimensions", name));
    int64_t storage = 1;
    for (int64_t d : t.storage)
        storage *= d;
    for (int64_t d : t.dims)
        if (d < 0)
            fail(NN_PARAM_INVALID, format("%s has a negative dimension", name));
    if (t.first() < 0 || t.last() > storage) {
        violation(13, CODED, format("%s: the view reaches elements %lld to %lld of a storage of %lld: %s", name,
            (long long)t.first(), (long long)t.last(), (long long)storage, t.text().c_str()));
        fail(NN_PARAM_INVALID, std::string(name) + ": the view reaches outside of its storage");
    }
    if (t.address % 32 && t.count()) {
        violation(3, CODED, format("%s: tensor data at %p is not on 32 bytes", name, (void *)t.address));
        fail(NN_PARAM_INVALID, std::string(name) + ": tensor data is not on 32 bytes");
    }
    if (t.count() && !t.address)
        fail(NN_PARAM_NULLPTR, std::string(name) + ": a tensor without data");
    if (a.parameter->role != Role::IN)
        for (int64_t i = 0; i < t.rank(); i++)
            if (t.dims[i] > 1 && t.strides[i] == 0)
                fail(NN_PARAM_INVALID, std::string(name) + ": an output with stride 0");
}

void check_arguments(Call &c)
{
    for (auto &a : c.arguments) {
        if (!a.given && !a.parameter->optional)
            fail(NN_PARAM_NULLPTR, std::string(a.parameter->name) + " is null");
        for (auto &t : a.tensors)
            check_tensor(*c.op, a, t);
        if (a.given && !std::strcmp(a.parameter->kind, "S") && a.parameter->types && !(a.parameter->types & bit(a.scalar.type)))
            fail(NN_PARAM_INVALID, format("the scalar %s is %s, which this operator does not take", a.parameter->name, name_of_type(a.scalar.type)));
        if (a.given && a.parameter->same && !a.tensors.empty()) {
            auto &of = c[a.parameter->same];
            if (of.given && !of.tensors.empty() && of.tensors[0].type != a.tensors[0].type)
                fail(NN_PARAM_INVALID, format("%s is %s, %s is %s: the types must agree", a.parameter->name,
                    name_of_type(a.tensors[0].type), a.parameter->same, name_of_type(of.tensors[0].type)));
        }
    }
}

bool same_view(const Tensor &a, const Tensor &b)
{
    return a.address == b.address && a.offset == b.offset && a.dims == b.dims && a.strides == b.strides && a.type == b.type;
}

/* Rule 15: an output may not overlap anything else, unless the operator goes element by element over the same view. */
void check_aliases(const Call &c)
{
    struct Use { const Tensor *t; const Argument *a; };
    std::vector<Use> uses;
    for (auto &a : c.arguments)
        for (auto &t : a.tensors)
            if (t.count())
                uses.push_back({&t, &a});
    auto span = [](const Tensor &t) {
        return std::pair<uint64_t, uint64_t>(t.address + t.first() * t.element(), t.address + t.last() * t.element());
    };
    for (auto &out : uses) {
        if (out.a->parameter->role == Role::IN)
            continue;
        for (auto &other : uses) {
            if (&other == &out || (other.a->parameter->role != Role::IN && &other < &out))
                continue;
            auto x = span(*out.t), y = span(*other.t);
            if (x.first >= y.second || y.first >= x.second)
                continue;
            if (c.kernel->elementwise && same_view(*out.t, *other.t))
                continue;
            std::vector<Range> a, b;
            add_ranges(a, *out.t, true);
            add_ranges(b, *other.t, false);
            bool overlap = false;
            if (a.size() * b.size() < 100000) {
                for (auto &p : a)
                    for (auto &q : b)
                        overlap |= p.address < q.address + q.size && q.address < p.address + p.size;
            } else {
                overlap = true;
            }
            if (overlap)
                violation(15, UNDEFINED, format("%s: output %s overlaps %s", c.op->name, out.a->parameter->name, other.a->parameter->name));
        }
    }
}

std::string cache_key(const Call &c)
{
    std::string key = c.op->name;
    auto add = [&key](int64_t v) { key.append(reinterpret_cast<const char *>(&v), 8); };
    for (auto &a : c.arguments) {
        add(a.given);
        add(a.i);
        key.append(reinterpret_cast<const char *>(&a.d), 8);
        key.append(reinterpret_cast<const char *>(&a.scalar.real), 8);
        key += a.text;
        for (int64_t v : a.ints)
            add(v);
        for (auto &t : a.tensors) {
            for (auto *list : {&t.dims, &t.strides, &t.storage})
                for (int64_t v : *list)
                    add(v);
            add(t.type), add(t.format), add(t.offset);
        }
    }
    return key;
}

/* Rule 12: what phase 1 was given must still be there, and be what it was. */
void check_unchanged(const Call &c)
{
    for (auto &a : c.arguments) {
        for (size_t i = 0; i < a.handles.size(); i++) {
            const std::string kind = a.parameter->kind;
            bool tensor = i < a.tensors.size();
            Kind of = tensor ? Kind::TENSOR : kind == "S" ? Kind::SCALAR : kind == "IA" ? Kind::ARRAY : Kind::TENSOR_LIST;
            auto object = peek(a.handles[i], of);
            if (!object) {
                violation(12, UNDEFINED, format("%s: %s was destroyed between the phases", c.op->name, a.parameter->name));
            } else if (tensor) {
                auto &now = static_cast<Tensor &>(*object);
                if (now.address != a.tensors[i].address || now.dims != a.tensors[i].dims)
                    violation(12, UNDEFINED, format("%s: %s was changed between the phases", c.op->name, a.parameter->name));
            }
        }
    }
}

void check_memory(const Call &c)
{
    for (auto &a : c.arguments)
        for (auto &t : a.tensors)
            if (t.count()) {
                uint64_t size = t.element();
                need_device(reinterpret_cast<void *>(t.address + t.first() * size), static_cast<uint64_t>(t.last() - t.first()) * size,
                    NN_RUNTIME_ERROR, format("%s: %s", c.op->name, a.parameter->name).c_str());
            }
}

void fill_noise(const Call &c)
{
    auto *to = reinterpret_cast<uint64_t *>(backing(c.workspace));
    uint64_t x = 0x9e3779b97f4a7c15ull ^ c.workspace;
    for (uint64_t i = 0; i < c.workspace_bytes / 8; i++)
        to[i] = x = x * 6364136223846793005ull + 1442695040888963407ull;
}

std::shared_ptr<Task> make_task(const std::shared_ptr<Call> &call)
{
    auto task = std::make_shared<Task>();
    task->name = call->op->name;
    task->call = call;
    task->ranges = ranges_of(*call);
    for (auto &a : call->arguments)
        for (auto &t : a.tensors)
            if (auto block = t.count() ? block_at(t.address + t.first() * t.element()) : nullptr)
                if (std::find(task->blocks.begin(), task->blocks.end(), block) == task->blocks.end())
                    task->blocks.push_back(block);
    task->body = [](Task &turn) { run_operator(*turn.call, turn); };
    return task;
}

/* A task update: what the group's node runs from here on in the update stream's order. */
void enqueue_update(Lock &lock, const std::shared_ptr<Stream> &stream, const std::shared_ptr<Call> &call)
{
    auto node = stream->updating->tasks.at(0);
    if (std::strcmp(node->call->op->name, call->op->name)) {
        violation(17, CODED, format("a task of %s is updated with %s", node->call->op->name, call->op->name));
        fail(NOT_SUPPORT_UPDATE_OP, "a task can be updated with the same operator only");
    }
    auto made = make_task(call);
    for (auto &range : made->ranges) // what the new call touches must live as long as the graph
        if (auto block = block_at(range.address))
            if (std::find(made->blocks.begin(), made->blocks.end(), block) == made->blocks.end())
                made->blocks.push_back(block);
    auto update = std::make_shared<Task>();
    update->name = "task update";
    update->passed = [node, made] {
        for (auto &block : made->blocks)
            block->captured++;
        for (auto &block : node->blocks)
            block->captured--;
        node->call = made->call;
        node->ranges = made->ranges;
        node->blocks = made->blocks;
    };
    enqueue(lock, stream, update);
}

std::shared_ptr<Executor> executor_of(const Operator &op, void *handle)
{
    if (!handle)
        fail(NN_PARAM_NULLPTR, "executor is null");
    auto executor = std::static_pointer_cast<Executor>(peek(handle, Kind::EXECUTOR));
    if (!executor) {
        violation(11, UNDEFINED, format("%s: the executor was used already, or is none", op.name));
        fail(NN_INNER, "the executor was used already, or is none");
    }
    if (executor->call->op != &op) {
        violation(11, UNDEFINED, format("%s is given the executor of %s", op.name, executor->call->op->name));
        take_handle(handle);
        fail(NN_INNER, "the executor belongs to another operator");
    }
    return executor;
}

/* What consumes the executor, whether the launch succeeds or not. */
struct Consumed {
    std::shared_ptr<Executor> executor;
    ~Consumed()
    {
        if (executor && !executor->repeatable)
            take_handle(executor->handle);
    }
};

void launch(const Operator &op, void *workspace, uint64_t size, void *handle, void *stream_handle)
{
    Lock lock(state().mutex);
    Consumed consumed{executor_of(op, handle)};
    auto call = std::make_shared<Call>(*consumed.executor->call);
    consumed.executor->touched = true;
    check_unchanged(*call);
    if (call->workspace_bytes && !workspace) {
        violation(11, CODED, format("%s: %llu bytes of workspace needed, none given", op.name, (unsigned long long)call->workspace_bytes));
        fail(NN_PARAM_NULLPTR, "workspace is null");
    }
    if (size < call->workspace_bytes) {
        violation(11, UNDEFINED, format("%s: %llu bytes of workspace needed, %llu given", op.name,
            (unsigned long long)call->workspace_bytes, (unsigned long long)size));
        fail(NN_PARAM_INVALID, "workspace is too small");
    }
    auto stream = stream_for_work(stream_handle);
    check_fault(stream->context->device);
    call->workspace = reinterpret_cast<uint64_t>(workspace);
    if (call->workspace_bytes) {
        need_device(workspace, size, NN_RUNTIME_ERROR, "workspace");
        if (call->workspace % 64) {
            violation(3, CODED, format("%s: workspace %p is not on 64 bytes", op.name, workspace));
            fail(ADDR_UNALIGNED, "workspace is not on 64 bytes");
        }
    }
    check_memory(*call);
    check_aliases(*call);
    if (strikes(state().settings.launch_in))
        fail(AICORE_EXCEPTION, "injected: this launch fails");
    if (stream->updating) {
        enqueue_update(lock, stream, call);
        return;
    }
    auto task = make_task(call);
    if (strikes(state().settings.kernel_in))
        task->body = [](Task &) { throw Fault{AICORE_EXCEPTION, "injected: this kernel fails"}; };
    enqueue(lock, stream, task);
    count("launches");
    count(std::string("launches.") + op.name);
    count("kernels", call->kernels);
}

} // namespace

Registration::Registration(const char *name, Kernel kernel)
{
    kernels()[name] = kernel;
}

void bad_index(const char *what, int64_t value, int64_t limit)
{
    std::string text = format("%s is %lld, the limit is %lld", what, (long long)value, (long long)limit);
    violation(16, CODED, text);
    throw Fault{VECTOR_CORE_EXCEPTION, text};
}

Argument &Call::operator[](const char *name)
{
    for (auto &a : arguments)
        if (!std::strcmp(a.parameter->name, name))
            return a;
    throw Fault{AICORE_EXCEPTION, format("the emulator asks %s for a parameter %s that it has not", op->name, name)};
}

bool Call::knows(const char *name) const
{
    return std::any_of(arguments.begin(), arguments.end(), [name](const Argument &a) { return !std::strcmp(a.parameter->name, name); });
}

Tensor &Call::t(const char *name)
{
    Argument &a = (*this)[name];
    if (a.tensors.empty())
        fail(NN_PARAM_NULLPTR, std::string(name) + " is null");
    return a.tensors[0];
}

void Call::touch(const Tensor &of, int64_t from, int64_t elements, bool write)
{
    Lock lock(state().mutex);
    if (task)
        record_access({of.address + static_cast<uint64_t>(from) * of.element(), static_cast<uint64_t>(elements) * of.element(), write},
            task->component, task->time, task->seen, op->name);
}

std::vector<Range> ranges_of(const Call &call)
{
    std::vector<Range> ranges;
    for (auto &a : call.arguments) {
        if (call.by_itself.count(a.parameter->name))
            continue;
        for (auto &t : a.tensors) {
            if (a.parameter->role != Role::OUT)
                add_ranges(ranges, t, false);
            if (a.parameter->role != Role::IN)
                add_ranges(ranges, t, true);
        }
    }
    if (call.workspace_bytes)
        ranges.push_back({call.workspace, call.workspace_bytes, true});
    return ranges;
}

void run_operator(Call &call, const Task &task)
{
    Call mine = call; // a graph runs a call again and again
    mine.task = &task;
    if (mine.workspace_bytes && state().settings.noise)
        fill_noise(mine);
    try {
        mine.kernel->run(mine);
    } catch (const Status &status) {
        throw Fault{AICORE_EXCEPTION, status.text};
    }
}

void forget_calls()
{
    cache_epoch++;
}

int32_t phase1(const Operator &op, const Raw *raw, uint64_t *workspace, void **out)
{
    std::string name = std::string(op.name) + "GetWorkspaceSize";
    return entry(name.c_str(), [&] {
        Lock lock(state().mutex);
        Settings &settings = state().settings;
        count("phase1");
        last_executor = nullptr;
        try {
            if (!workspace || !out)
                fail(NN_PARAM_NULLPTR, "workspaceSize or executor is null");
            *workspace = 0;
            *out = nullptr;
            if (strikes(settings.phase1_in))
                fail(NN_INNER, "injected: this phase fails");
            if (settings.missing.count(op.name))
                fail(NN_INNER_FIND_KERNEL, "injected: no kernel is installed");
            auto found = kernels().find(op.name);
            if (found == kernels().end() || !runs_on(op, settings.product))
                fail(NN_INNER_FIND_KERNEL, std::string("there is no kernel of it for ") + settings.soc);
            auto call = std::make_shared<Call>();
            call->op = &op;
            call->kernel = &found->second;
            call->arguments.resize(op.count);
            for (size_t i = 0; i < op.count; i++) {
                call->arguments[i].parameter = &op.parameters[i];
                read(call->arguments[i], raw[i]);
            }
            check_arguments(*call);
            call->kernel->check(*call);
            if (!call->kernel->elementwise)
                call->workspace_bytes += settings.workspace_extra;
            for (auto &a : call->arguments) // hidden copies of what is not contiguous
                for (auto &t : a.tensors)
                    if (call->kernel->elementwise && !t.contiguous())
                        call->workspace_bytes += static_cast<uint64_t>(t.count()) * t.element();
            call->workspace_bytes = (call->workspace_bytes + 511) / 512 * 512;
            auto executor = std::make_shared<Executor>();
            executor->call = call;
            executor->thread = thread_number();
            if (op_cache_epoch != cache_epoch) {
                op_cache.clear();
                op_cache_epoch = cache_epoch;
            }
            executor->cache_hit = settings.op_cache && !op_cache.insert(cache_key(*call)).second;
            if (op_cache.size() > 10000)
                op_cache.clear();
            *out = give_handle(Kind::EXECUTOR, executor);
            *workspace = call->workspace_bytes;
            last_executor = *out;
        } catch (const Status &) {
            count("refusals");
            throw;
        } catch (const Fault &fault) {
            fail(NN_INNER, fault.text);
        }
    });
}

int32_t phase2(const Operator &op, void *workspace, uint64_t size, void *executor, void *stream)
{
    return entry(op.name, [&] {
        last_executor = nullptr;
        launch(op, workspace, size, executor, stream);
    });
}

} // namespace emu

using namespace emu;

EMU_EXPORT int32_t impl_aclSetAclOpExecutorRepeatable(void *handle)
{
    return entry("aclSetAclOpExecutorRepeatable", [&] {
        auto executor = as<Executor>(handle, Kind::EXECUTOR, NN_PARAM_INVALID);
        if (handle != last_executor || executor->touched || executor->thread != thread_number()) {
            violation(11, UNDEFINED, "an executor becomes repeatable only right after its phase 1, on the same thread");
            fail(NN_INNER, "not right after phase 1");
        }
        if (executor->cache_hit)
            fail(NN_INNER, "the executor comes from the cache");
        executor->repeatable = true;
    });
}

EMU_EXPORT int32_t impl_aclDestroyAclOpExecutor(void *handle)
{
    return entry("aclDestroyAclOpExecutor", [&] {
        if (!handle)
            return;
        if (!peek(handle, Kind::EXECUTOR))
            violation(11, UNDEFINED, "an executor is destroyed that was used up or destroyed before");
        take_handle(handle);
    });
}

/* Points a tensor of a repeatable executor to another address: the n-th of all, of the inputs or of the outputs. */
static int32_t set_address(const char *function, void *handle, size_t index, void *addr, int which)
{
    return entry(function, [&] {
        auto executor = as<Executor>(handle, Kind::EXECUTOR, NN_PARAM_INVALID);
        size_t at = 0;
        for (auto &a : executor->call->arguments) {
            bool out = a.parameter->role == Role::OUT;
            if ((which == 1 && out) || (which == 2 && a.parameter->role == Role::IN))
                continue;
            for (size_t i = 0; i < a.tensors.size(); i++)
                if (at++ == index) {
                    a.tensors[i].address = reinterpret_cast<uint64_t>(addr);
                    if (auto tensor = peek(a.handles[i], Kind::TENSOR))
                        static_cast<Tensor &>(*tensor).address = reinterpret_cast<uint64_t>(addr);
                    return;
                }
        }
        fail(NN_PARAM_INVALID, "there is no tensor of this index");
    });
}

/* The same for the n-th tensor of the list that is the irIndex-th parameter. */
static int32_t set_list_address(const char *function, void *handle, size_t parameter, size_t index, void *addr)
{
    return entry(function, [&] {
        auto executor = as<Executor>(handle, Kind::EXECUTOR, NN_PARAM_INVALID);
        auto &arguments = executor->call->arguments;
        NEED(parameter < arguments.size() && index < arguments[parameter].tensors.size(), "there is no tensor of this index");
        arguments[parameter].tensors[index].address = reinterpret_cast<uint64_t>(addr);
        if (auto tensor = peek(arguments[parameter].handles[index], Kind::TENSOR))
            static_cast<Tensor &>(*tensor).address = reinterpret_cast<uint64_t>(addr);
    });
}

EMU_EXPORT int32_t impl_aclSetDynamicTensorAddr(void *executor, size_t irIndex, const size_t relativeIndex, void *, void *addr)
{
    return set_list_address("aclSetDynamicTensorAddr", executor, irIndex, relativeIndex, addr);
}

EMU_EXPORT int32_t impl_aclSetDynamicInputTensorAddr(void *executor, size_t irIndex, const size_t relativeIndex, void *, void *addr)
{
    return set_list_address("aclSetDynamicInputTensorAddr", executor, irIndex, relativeIndex, addr);
}

EMU_EXPORT int32_t impl_aclSetTensorAddr(void *executor, const size_t index, void *, void *addr)
{
    return set_address("aclSetTensorAddr", executor, index, addr, 0);
}

EMU_EXPORT int32_t impl_aclSetInputTensorAddr(void *executor, const size_t index, void *, void *addr)
{
    return set_address("aclSetInputTensorAddr", executor, index, addr, 1);
}

EMU_EXPORT int32_t impl_aclSetOutputTensorAddr(void *executor, const size_t index, void *, void *addr)
{
    return set_address("aclSetOutputTensorAddr", executor, index, addr, 2);
}
