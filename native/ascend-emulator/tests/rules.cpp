// One test for each rule, which breaks it on purpose and sees it caught; and one that the right form is not.
#include "harness.h"

#include <sys/wait.h>
#include <unistd.h>

/* Ends in a child process; true if a signal ended it. */
static bool dies(const std::function<void()> &body)
{
    std::fflush(stdout);
    pid_t child = fork();
    if (!child) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(0);
        body();
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status);
}

TEST(a_clean_program_has_no_violation)
{
    {
        Bench bench;
        Dev a(bench, {4, 8}, F32, random_values(32, 1)), b(bench, {4, 8}, F32, random_values(32, 2)), out(bench, {4, 8}, F32);
        void *alpha = scalar_of(2);
        EXPECT(0, RUN_OP(bench, aclnnAdd, a.tensor, b.tensor, alpha, out.tensor));
        bench.sync();
        auto x = a.get(), y = b.get(), z = out.get();
        for (int i = 0; i < 32; i++)
            CHECK(z[i] == x[i] + 2 * y[i]);
        for (Dev *d : {&a, &b, &out}) {
            EXPECT(0, ACL(aclDestroyTensor)(d->tensor));
            EXPECT(0, ACL(aclrtFree)(d->memory));
        }
        EXPECT(0, ACL(aclDestroyScalar)(alpha));
        EXPECT(0, ACL(aclrtDestroyStream)(bench.stream));
        EXPECT(0, ACL(aclrtResetDevice)(0));
        EXPECT(0, ACL(aclFinalize)());
    }
    CHECK(report().empty());
    CHECK(EMU(emu_count)("violations") == 0);
}

TEST(rule_1_handles)
{
    Bench bench;
    void *event;
    EXPECT(0, ACL(aclrtCreateEvent)(&event));
    EXPECT(0, ACL(aclrtDestroyEvent)(event));
    EXPECT(107017, ACL(aclrtDestroyEvent)(event));
    EXPECT(107017, ACL(aclrtRecordEvent)(event, bench.stream));
    EXPECT(107017, ACL(aclrtSynchronizeStream)(&bench));
    CHECK(violations(1) == 3);
    Dev a(bench, {4}, F32);
    EXPECT(0, ACL(aclDestroyTensor)(a.tensor));
    EXPECT(0, ACL(aclDestroyTensor)(a.tensor));
    CHECK(violations(1) == 4);
    EXPECT(0, ACL(aclDestroyTensor)(nullptr));
    void *memory = bench.alloc(64);
    EXPECT(0, ACL(aclrtFree)(memory));
    EXPECT(107000, ACL(aclrtFree)(memory));
    CHECK(violations(1) == 5);
    void *again = bench.alloc(64);
    CHECK(again != memory);
}

TEST(rule_2_host_and_device_pointers)
{
    Bench bench;
    std::vector<float> host(64);
    void *device = bench.alloc(256);
    EXPECT(107000, ACL(aclrtMemcpy)(host.data(), 256, host.data(), 256, H2D));
    EXPECT(107000, ACL(aclrtMemcpy)(device, 256, device, 256, H2D));
    EXPECT(107000, ACL(aclrtMemset)(host.data(), 256, 0, 256));
    int64_t n = 8;
    void *alpha = scalar_of(1);
    alignas(64) static float on_host[8];
    void *wrong = ACL(aclCreateTensor)(&n, 1, F32, nullptr, 0, 2, &n, 1, on_host);
    EXPECT(361001, RUN_OP(bench, aclnnInplaceAdd, wrong, wrong, alpha));
    CHECK(violations(2) == 4);
    CHECK(dies([&] { *(volatile char *)device = 1; }));
}

TEST(rule_3_alignment)
{
    Bench bench;
    Dev a(bench, {64}, F32, std::vector<float>(64, 1));
    int64_t n = 8;
    void *crooked = ACL(aclCreateTensor)(&n, 1, F32, nullptr, 0, 2, &n, 1, (char *)a.memory + 4);
    EXPECT(161002, RUN_OP(bench, aclnnInplaceZero, crooked));
    CHECK(violations(3) == 1);
    EXPECT(0, RUN_OP(bench, aclnnInplaceZero, a.view({8}, {1}, 1))); // an offset in elements is the right way
    bench.sync();
    auto values = a.get();
    CHECK(values[0] == 1 && values[1] == 0 && values[8] == 0 && values[9] == 1);
    uint64_t size;
    void *executor;
    EXPECT(0, ACL(aclnnSoftmaxGetWorkspaceSize)(a.tensor, 0, a.tensor, &size, &executor));
    EXPECT(107008, ACL(aclnnSoftmax)((char *)bench.alloc(size + 64) + 32, size, executor, bench.stream));
    CHECK(violations(3) == 2);
}

TEST(rule_4_free_while_in_use)
{
    EMU(emu_configure)("delay.lazy", "1");
    Bench bench;
    Dev a(bench, {64}, F32, std::vector<float>(64, 1));
    EXPECT(0, RUN_OP(bench, aclnnInplaceZero, a.tensor));
    EXPECT(0, ACL(aclrtFree)(a.memory));
    CHECK(violations(4) == 1);
    EXPECT(507015, ACL(aclrtSynchronizeStream)(bench.stream));
    EMU(emu_reset)();
    // Executed long since, but the host does not know.
    Bench again;
    Dev b(again, {64}, F32, std::vector<float>(64, 1));
    EXPECT(0, RUN_OP(again, aclnnInplaceZero, b.tensor));
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    EXPECT(0, ACL(aclrtFree)(b.memory));
    CHECK(violations(4) == 1);
    EMU(emu_clear)();
    Dev d(again, {64}, F32, std::vector<float>(64, 1));
    EXPECT(0, RUN_OP(again, aclnnInplaceZero, d.tensor));
    again.sync();
    EXPECT(0, ACL(aclrtFree)(d.memory));
    CHECK(violations(4) == 0);
    float host[4];
    EXPECT(107000, ACL(aclrtMemcpy)(host, 16, d.memory, 16, D2H));
    CHECK(violations(4) == 1);
}

static void two_streams(bool with_event)
{
    Bench bench;
    void *second, *event;
    EXPECT(0, ACL(aclrtCreateStream)(&second));
    EXPECT(0, ACL(aclrtCreateEventExWithFlag)(&event, 1));
    Dev a(bench, {256}, F32, std::vector<float>(256, 1)), b(bench, {256}, F32);
    EXPECT(0, RUN_OP(bench, aclnnMuls, a.tensor, scalar_of(3), b.tensor));
    EXPECT(0, ACL(aclrtRecordEvent)(event, bench.stream));
    if (with_event)
        EXPECT(0, ACL(aclrtStreamWaitEvent)(second, event));
    bench.stream = second;
    EXPECT(0, RUN_OP(bench, aclnnInplaceMuls, b.tensor, scalar_of(2)));
    bench.sync();
    EXPECT(0, ACL(aclrtSynchronizeDevice)());
    CHECK(!with_event || b.get()[77] == 6);
    CHECK((violations(5) > 0) == !with_event);
}

TEST(rule_5_missing_event_between_streams)
{
    for (int seed = 1; seed <= 20; seed++)
        for (bool with_event : {true, false}) {
            EMU(emu_reset)();
            EMU(emu_configure)("seed", std::to_string(seed).c_str());
            EMU(emu_configure)("delay.us", "300");
            two_streams(with_event);
        }
}

TEST(rule_5_missing_synchronisation_before_a_host_copy)
{
    Bench bench;
    Dev a(bench, {64}, F32, std::vector<float>(64, 1));
    EXPECT(0, RUN_OP(bench, aclnnInplaceMuls, a.tensor, scalar_of(2)));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    a.get();
    CHECK(violations(5) == 1);
    bench.sync();
    EMU(emu_clear)();
    EMU(emu_configure)("delay.lazy", "1");
    EXPECT(0, RUN_OP(bench, aclnnInplaceMuls, a.tensor, scalar_of(2)));
    a.get(); // before the task runs: seen when it does
    bench.sync();
    CHECK(violations(5) == 1);
}

TEST(rule_5_destination_of_a_copy_is_poison_until_done)
{
    EMU(emu_configure)("delay.lazy", "1");
    Bench bench;
    Dev a(bench, {64}, F32, std::vector<float>(64, 7));
    void *pinned;
    EXPECT(0, ACL(aclrtMallocHost)(&pinned, 256));
    std::memset(pinned, 0, 256);
    EXPECT(0, ACL(aclrtMemcpyAsync)(pinned, 256, a.memory, 256, D2H, bench.stream));
    CHECK(std::isnan(((float *)pinned)[5]));
    bench.sync();
    CHECK(((float *)pinned)[5] == 7);
    CHECK(EMU(emu_count)("copies.pageable") == 0);
}

TEST(rule_6_host_memory_of_queued_copies)
{
    EMU(emu_configure)("delay.lazy", "1");
    Bench bench;
    void *device = bench.alloc(256), *pinned;
    float pageable[64] = {};
    EXPECT(207000, ACL(aclrtMemcpyAsync)(pageable, 256, pageable, 256, 0, bench.stream));
    CHECK(violations(6) == 1);
    EXPECT(0, ACL(aclrtMallocHost)(&pinned, 256));
    EXPECT(0, ACL(aclrtMemcpyAsync)(device, 256, pinned, 256, H2D, bench.stream));
    EXPECT(0, ACL(aclrtFreeHost)(pinned));
    CHECK(violations(6) == 2);
    EMU(emu_reset)();
    Bench again;
    device = again.alloc(256);
    EXPECT(0, ACL(aclrtMemcpyAsync)(device, 256, pageable, 256, H2D, again.stream)); // becomes synchronous
    CHECK(EMU(emu_count)("copies.pageable") == 1);
}

TEST(rule_7_sizes)
{
    Bench bench;
    void *device = bench.alloc(256), *none = nullptr;
    float host[64];
    EXPECT(107000, ACL(aclrtMemcpy)(device, 128, host, 256, H2D));
    EXPECT(0, ACL(aclrtMemcpy)(device, 128, host, 0, H2D));
    EXPECT(100000, ACL(aclrtMalloc)(&none, 0, 0));
    EXPECT(107000, ACL(aclrtFree)(nullptr));
    EXPECT(107000, ACL(aclrtMemset)(device, 16, 0, 32));
    CHECK(violations(7) == 4);
}

TEST(rule_8_contexts_and_teardown)
{
    void *memory;
    EXPECT(100001, ACL(aclrtSetDevice)(0));
    {
        Bench bench;
        std::thread([&] {
            EXPECT(107002, ACL(aclrtMalloc)(&memory, 64, 0));
            size_t free, total;
            EXPECT(107002, ACL(aclrtGetMemInfo)(1, &free, &total));
        }).join();
        EXPECT(107001, ACL(aclrtSetDevice)(7));
        void *context, *first;
        EXPECT(0, ACL(aclrtGetCurrentContext)(&first));
        EXPECT(0, ACL(aclrtCreateContext)(&context, 0));
        EXPECT(107003, ACL(aclrtMemsetAsync)(memory, 16, 0, 16, bench.stream)); // the first context's stream
        EXPECT(0, ACL(aclrtSynchronizeStream)(bench.stream));                   // waiting switches by itself
        int64_t before = violations(8);
        EXPECT(0, ACL(aclrtDestroyContext)(context)); // current: dangles
        CHECK(violations(8) == before + 1);
        EXPECT(107002, ACL(aclrtMalloc)(&memory, 64, 0));
        EXPECT(0, ACL(aclrtSetCurrentContext)(first));
        EXPECT(100002, ACL(aclInit)(nullptr));
        EXPECT(0, ACL(aclrtMalloc)(&memory, 64, 0));
        before = violations(8);
        EXPECT(0, ACL(aclrtResetDevice)(0)); // with a stream left
        CHECK(violations(8) == before + 1);
        EXPECT(0, ACL(aclFinalize)());       // with memory left
        CHECK(violations(8) == before + 2);
        CHECK(report().find("1 device") != std::string::npos);
        EXPECT(100037, ACL(aclFinalize)());
        EXPECT(100001, ACL(aclrtSetDevice)(0));
    }
}

TEST(rule_9_events)
{
    EMU(emu_configure)("delay.lazy", "1");
    Bench bench;
    void *plain, *timed, *ex;
    float ms;
    int32_t status = -1;
    EXPECT(0, ACL(aclrtCreateEventWithFlag)(&plain, 1));
    EXPECT(0, ACL(aclrtCreateEventWithFlag)(&timed, 8));
    EXPECT(0, ACL(aclrtCreateEventExWithFlag)(&ex, 1));
    EXPECT(0, ACL(aclrtStreamWaitEvent)(bench.stream, plain));
    CHECK(violations(9) == 1);
    EXPECT(107000, ACL(aclrtResetEvent)(ex, bench.stream));
    EXPECT(207000, ACL(aclrtQueryEvent)(ex, &status));
    EXPECT(0, ACL(aclrtQueryEventStatus)(ex, &status));
    CHECK(status == 1); // COMPLETE before the first record
    EXPECT(0, ACL(aclrtRecordEvent)(timed, bench.stream));
    EXPECT(107006, ACL(aclrtEventElapsedTime)(&ms, timed, plain));
    EXPECT(107006, ACL(aclrtEventElapsedTime)(&ms, timed, timed)); // not happened yet
    CHECK(violations(9) == 5);
    EMU(emu_configure)("delay.lazy", "0");
    bench.sync();
    EXPECT(0, ACL(aclrtEventElapsedTime)(&ms, timed, timed));
    EXPECT(0, ACL(aclrtQueryEventStatus)(timed, &status));
    CHECK(status == 1);
    EXPECT(0, ACL(aclrtQueryEvent)(timed, &status));
    CHECK(status == 0); // the other enum
}

TEST(rule_10_timeouts)
{
    EMU(emu_configure)("delay.us", "0");
    Bench bench;
    void *event;
    EXPECT(0, ACL(aclrtCreateEvent)(&event));
    EXPECT(107000, ACL(aclrtSynchronizeStreamWithTimeout)(bench.stream, 0));
    EXPECT(107000, ACL(aclrtSynchronizeStreamWithTimeout)(bench.stream, -2));
    EXPECT(107000, ACL(aclrtSynchronizeEventWithTimeout)(event, 0));
    EXPECT(0, ACL(aclrtSynchronizeStreamWithTimeout)(bench.stream, -1));
    EXPECT(0, ACL(aclrtSynchronizeStreamWithTimeout)(bench.stream, 1000));
    CHECK(violations(10) == 3);
    EMU(emu_configure)("delay.us", "900000");
    EMU(emu_configure)("seed", "5");
    void *memory = bench.alloc(64);
    EXPECT(0, ACL(aclrtMemsetAsync)(memory, 64, 0, 64, bench.stream));
    EXPECT(507046, ACL(aclrtSynchronizeStreamWithTimeout)(bench.stream, 1));
    bench.sync();
}

TEST(rule_11_executors)
{
    Bench bench;
    Dev a(bench, {8}, F32, std::vector<float>(8, 1)), b(bench, {8}, F32);
    uint64_t size;
    void *executor;
    EXPECT(0, ACL(aclnnSoftmaxGetWorkspaceSize)(a.tensor, 0, b.tensor, &size, &executor));
    CHECK(size > 0);
    void *workspace = bench.alloc(size);
    EXPECT(0, ACL(aclnnSoftmax)(workspace, size, executor, bench.stream));
    EXPECT(561000, ACL(aclnnSoftmax)(workspace, size, executor, bench.stream)); // used twice
    EXPECT(0, ACL(aclnnSoftmaxGetWorkspaceSize)(a.tensor, 0, b.tensor, &size, &executor));
    EXPECT(561000, ACL(aclnnLogSoftmax)(workspace, size, executor, bench.stream)); // of another operator
    EXPECT(0, ACL(aclnnSoftmaxGetWorkspaceSize)(a.tensor, 0, b.tensor, &size, &executor));
    EXPECT(161001, ACL(aclnnSoftmax)(nullptr, size, executor, bench.stream));
    EXPECT(0, ACL(aclnnSoftmaxGetWorkspaceSize)(a.tensor, 0, b.tensor, &size, &executor));
    EXPECT(161002, ACL(aclnnSoftmax)(workspace, size - 1, executor, bench.stream));
    CHECK(violations(11) == 4);
    // The cache knows this call by now: no repeatable executor.
    EXPECT(0, ACL(aclnnSoftmaxGetWorkspaceSize)(a.tensor, 0, b.tensor, &size, &executor));
    EXPECT(561000, ACL(aclSetAclOpExecutorRepeatable)(executor));
    EXPECT(0, ACL(aclDestroyAclOpExecutor)(executor));
    CHECK(violations(11) == 4);
    EMU(emu_configure)("opcache", "0");
    EXPECT(0, ACL(aclnnSoftmaxGetWorkspaceSize)(a.tensor, 0, b.tensor, &size, &executor));
    EXPECT(0, ACL(aclSetAclOpExecutorRepeatable)(executor));
    for (int i = 0; i < 3; i++)
        EXPECT(0, ACL(aclnnSoftmax)(workspace, size, executor, bench.stream));
    bench.sync();
    EXPECT(0, ACL(aclDestroyAclOpExecutor)(executor));
    EXPECT(561000, ACL(aclnnSoftmax)(workspace, size, executor, bench.stream));
    CHECK(violations(11) == 5);
    // A workspace that lies over live data destroys it.
    EXPECT(0, ACL(aclnnSoftmaxGetWorkspaceSize)(a.tensor, 0, b.tensor, &size, &executor));
    Dev big(bench, {1024}, F32, std::vector<float>(1024, 1));
    EXPECT(0, ACL(aclnnSoftmax)(big.memory, size, executor, bench.stream));
    bench.sync();
    CHECK(big.get()[3] != 1);
    // Never run: a leak that stays visible.
    int64_t live = EMU(emu_count)("live.executor");
    EXPECT(0, ACL(aclnnSoftmaxGetWorkspaceSize)(a.tensor, 0, b.tensor, &size, &executor));
    CHECK(EMU(emu_count)("live.executor") == live + 1);
}

TEST(rule_12_objects_between_the_phases)
{
    Bench bench;
    Dev a(bench, {8}, F32, std::vector<float>(8, 1)), b(bench, {8}, F32);
    uint64_t size;
    void *executor, *alpha = scalar_of(1);
    EXPECT(0, ACL(aclnnAddGetWorkspaceSize)(a.tensor, a.tensor, alpha, b.tensor, &size, &executor));
    EXPECT(0, ACL(aclDestroyScalar)(alpha));
    EXPECT(0, ACL(aclnnAdd)(nullptr, 0, executor, bench.stream));
    CHECK(violations(12) == 1);
    alpha = scalar_of(1);
    EXPECT(0, ACL(aclnnAddGetWorkspaceSize)(a.tensor, a.tensor, alpha, b.tensor, &size, &executor));
    EXPECT(0, ACL(aclSetRawTensorAddr)(a.tensor, b.memory));
    EXPECT(0, ACL(aclnnAdd)(nullptr, 0, executor, bench.stream));
    CHECK(violations(12) >= 2);
    int64_t before = violations(12);
    void *one = b.view({8}, {});
    void *list = list_of({one});
    EXPECT(0, ACL(aclDestroyTensor)(one)); // the list owns it
    EXPECT(0, ACL(aclDestroyTensorList)(list));
    CHECK(violations(12) == before + 1);
    // After phase 2 everything may go.
    alpha = scalar_of(1);
    void *t = b.view({8}, {});
    EXPECT(0, RUN_OP(bench, aclnnInplaceAdd, t, t, alpha));
    EXPECT(0, ACL(aclDestroyTensor)(t));
    EXPECT(0, ACL(aclDestroyScalar)(alpha));
    bench.sync();
    CHECK(violations(12) == before + 1);
}

TEST(rule_13_views_and_allocations)
{
    Bench bench;
    Dev a(bench, {8}, F32, std::vector<float>(8, 1));
    EXPECT(161002, RUN_OP(bench, aclnnInplaceZero, a.view({8}, {1}, 1)));
    CHECK(violations(13) == 1);
    int64_t n = 4096;
    void *beyond = ACL(aclCreateTensor)(&n, 1, F32, nullptr, 0, 2, &n, 1, a.memory);
    EXPECT(361001, RUN_OP(bench, aclnnInplaceZero, beyond));
    CHECK(violations(13) == 2);
}

TEST(rule_14_types_and_products)
{
    {
        Bench bench;
        Dev a(bench, {8, 8}, BF16, std::vector<float>(64, 1)), b(bench, {8, 8}, F16, std::vector<float>(64, 1)), out(bench, {8, 8}, BF16);
        EXPECT(161002, RUN_OP(bench, aclnnMm, a.tensor, b.tensor, out.tensor, (int8_t)0));
        EXPECT(0, RUN_OP(bench, aclnnMm, a.tensor, a.tensor, out.tensor, (int8_t)0));
        Dev wide(bench, {8, 8}, F32);
        EXPECT(old_profile ? 161002 : 0, RUN_OP(bench, aclnnMm, a.tensor, a.tensor, wide.tensor, (int8_t)0));
        EXPECT(161002, RUN_OP(bench, aclnnInplaceZero, Dev(bench, {8}, E4M3).tensor));
        int64_t whole = 2;
        EXPECT(161002, RUN_OP(bench, aclnnNorm, a.tensor, ACL(aclCreateScalar)(&whole, I64), nullptr, false, Dev(bench, {}, BF16).tensor)); // rule 12: a scalar's type
        bench.sync();
    }
    EMU(emu_reset)();
    EMU(emu_configure)("soc", "310P3");
    {
        Bench bench;
        CHECK(std::strcmp(ACL(aclrtGetSocName)(), "Ascend310P3") == 0);
        Dev a(bench, {8, 8}, BF16), f(bench, {8, 8}, F32, std::vector<float>(64, 1.0009765625f)), out(bench, {8, 8}, F32);
        EXPECT(161002, RUN_OP(bench, aclnnInplaceZero, a.tensor));
        EXPECT(161002, RUN_OP(bench, aclnnMm, f.tensor, f.tensor, out.tensor, (int8_t)0));
        EXPECT(0, RUN_OP(bench, aclnnMm, f.tensor, f.tensor, out.tensor, (int8_t)1));
        EXPECT(207000, ACL(aclmdlRICaptureBegin)(bench.stream, 0));
        bench.sync();
    }
    EMU(emu_reset)();
    EMU(emu_configure)("soc", "950");
    {
        Bench bench;
        EXPECT(0, RUN_OP(bench, aclnnInplaceZero, Dev(bench, {8}, E4M3).tensor));
        bench.sync();
    }
    CHECK(EMU(emu_count)("violations") == 0); // asking is no violation
}

TEST(rule_15_aliases)
{
    Bench bench;
    Dev a(bench, {64}, F32, std::vector<float>(64, 1));
    EXPECT(0, RUN_OP(bench, aclnnSoftmax, a.tensor, 0, a.tensor));
    CHECK(violations(15) == 1);
    EXPECT(0, RUN_OP(bench, aclnnMuls, a.view({32}, {1}), scalar_of(1), a.view({32}, {1}, 8)));
    CHECK(violations(15) == 2);
    EXPECT(0, RUN_OP(bench, aclnnMuls, a.tensor, scalar_of(1), a.tensor));                          // the same view
    EXPECT(0, RUN_OP(bench, aclnnMuls, a.view({4, 4}, {16, 1}), scalar_of(1), a.view({4, 4}, {16, 1}, 8))); // between each other
    EXPECT(0, RUN_OP(bench, aclnnInplaceMuls, a.tensor, scalar_of(1)));
    bench.sync();
    CHECK(violations(15) == 2);
}

TEST(rule_16_indices)
{
    Bench bench;
    Dev table(bench, {4, 8}, F32, std::vector<float>(32, 1)), ids(bench, {2}, I64, {1, 4}), out(bench, {2, 8}, F32);
    EXPECT(0, RUN_OP(bench, aclnnEmbedding, table.tensor, ids.tensor, out.tensor)); // found later
    EXPECT(507035, ACL(aclrtSynchronizeStream)(bench.stream));
    CHECK(violations(16) == 1);
    EMU(emu_reset)();
    Bench again;
    Dev x(again, {4, 8}, F16, std::vector<float>(32, 1)), w(again, {2, 8, 8}, F16, std::vector<float>(128, 1)), y(again, {4, 8}, F16), ends(again, {2}, I64, {3, 2});
    EXPECT(0, RUN_OP(again, aclnnGroupedMatmulV4, list_of({x.tensor}), list_of({w.tensor}), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
        ends.tensor, nullptr, nullptr, nullptr, (int64_t)2, (int64_t)0, (int64_t)0, (int64_t)0, list_of({y.tensor}), nullptr, nullptr));
    EXPECT(507035, ACL(aclrtSynchronizeStream)(again.stream));
    CHECK(violations(16) == 1);
}

TEST(rule_17_capture)
{
    Bench bench;
    void *graph, *second, *event;
    Dev a(bench, {64}, F32, std::vector<float>(64, 1));
    void *two = scalar_of(2);
    EXPECT(0, ACL(aclrtCreateStream)(&second));
    EXPECT(0, ACL(aclrtCreateEventExWithFlag)(&event, 1));
    EXPECT(107031, ACL(aclmdlRICaptureBegin)(nullptr, 0));
    // A good one, with a side stream, replayed.
    EXPECT(0, ACL(aclmdlRICaptureBegin)(bench.stream, 0));
    EXPECT(0, RUN_OP(bench, aclnnInplaceMuls, a.tensor, two));
    EXPECT(0, ACL(aclrtRecordEvent)(event, bench.stream));
    EXPECT(0, ACL(aclrtStreamWaitEvent)(second, event));
    std::swap(bench.stream, second);
    EXPECT(0, RUN_OP(bench, aclnnInplaceMuls, a.tensor, two));
    EXPECT(0, ACL(aclrtRecordEvent)(event, bench.stream));
    std::swap(bench.stream, second);
    EXPECT(0, ACL(aclrtStreamWaitEvent)(bench.stream, event));
    EXPECT(0, ACL(aclmdlRICaptureEnd)(bench.stream, &graph));
    bench.sync();
    CHECK(a.get()[0] == 1); // captured, not run
    for (int i = 0; i < 2; i++)
        EXPECT(0, ACL(aclmdlRIExecuteAsync)(graph, bench.stream));
    bench.sync();
    CHECK(a.get()[0] == 16);
    CHECK(violations(5) == 0 && violations(17) == 1);
    EXPECT(107028, ACL(aclrtStreamWaitEvent)(second, event)); // its last record was captured
    CHECK(violations(17) == 2);
    // Memory that a graph refers to.
    EXPECT(0, ACL(aclrtFree)(a.memory));
    CHECK(violations(4) == 1);
    EXPECT(107000, ACL(aclmdlRIExecuteAsync)(graph, bench.stream));
    EXPECT(0, ACL(aclmdlRIDestroy)(graph));
    CHECK(violations(17) == 3);
    // What may not happen within.
    Dev b(bench, {64}, F32, std::vector<float>(64, 1));
    struct { int32_t code; std::function<int32_t()> call; } wrong[] = {
        {107027, [&] { return ACL(aclrtSynchronizeStream)(bench.stream); }},
        {107030, [&] { return ACL(aclrtSynchronizeDevice)(); }},
        {107030, [&] { void *m; return ACL(aclrtMalloc)(&m, 64, 0); }},
        {107030, [&] { float h[4]; return ACL(aclrtMemcpy)(h, 16, b.memory, 16, D2H); }},
        {107041, [&] { float h[4]; return ACL(aclrtMemcpyAsync)(h, 16, b.memory, 16, D2H, bench.stream); }},
    };
    for (auto &w : wrong) {
        EXPECT(0, ACL(aclmdlRICaptureBegin)(bench.stream, 0));
        EXPECT(w.code, w.call());
        EXPECT(507903, ACL(aclmdlRICaptureEnd)(bench.stream, &graph));
    }
    EXPECT(107029, ACL(aclmdlRICaptureEnd)(bench.stream, &graph));
    EXPECT(0, ACL(aclmdlRICaptureBegin)(bench.stream, 0));
    std::thread([&] {
        EXPECT(0, ACL(aclrtSetDevice)(0));
        EXPECT(107038, ACL(aclmdlRICaptureEnd)(bench.stream, &graph));
    }).join();
    EXPECT(507903, ACL(aclmdlRICaptureEnd)(bench.stream, &graph));
    // A side stream that does not come back.
    EXPECT(0, ACL(aclmdlRICaptureBegin)(bench.stream, 0));
    EXPECT(0, ACL(aclrtRecordEvent)(event, bench.stream));
    EXPECT(0, ACL(aclrtStreamWaitEvent)(second, event));
    std::swap(bench.stream, second);
    EXPECT(0, RUN_OP(bench, aclnnInplaceMuls, b.tensor, two));
    std::swap(bench.stream, second);
    EXPECT(107025, ACL(aclmdlRICaptureEnd)(bench.stream, &graph));
    CHECK(violations(17) >= 9);
}

TEST(rule_17_races_within_a_graph)
{
    Bench bench;
    void *graph, *second, *event, *back;
    Dev a(bench, {64}, F32, std::vector<float>(64, 1)), b(bench, {64}, F32);
    EXPECT(0, ACL(aclrtCreateStream)(&second));
    EXPECT(0, ACL(aclrtCreateEventExWithFlag)(&event, 1));
    EXPECT(0, ACL(aclrtCreateEventExWithFlag)(&back, 1));
    EXPECT(0, ACL(aclmdlRICaptureBegin)(bench.stream, 0));
    EXPECT(0, ACL(aclrtRecordEvent)(event, bench.stream));
    EXPECT(0, ACL(aclrtStreamWaitEvent)(second, event));
    EXPECT(0, RUN_OP(bench, aclnnMuls, a.tensor, scalar_of(2), b.tensor));
    std::swap(bench.stream, second);
    EXPECT(0, RUN_OP(bench, aclnnInplaceMuls, b.tensor, scalar_of(2))); // not ordered after the write
    EXPECT(0, ACL(aclrtRecordEvent)(back, bench.stream));
    std::swap(bench.stream, second);
    EXPECT(0, ACL(aclrtStreamWaitEvent)(bench.stream, back));
    EXPECT(0, ACL(aclmdlRICaptureEnd)(bench.stream, &graph));
    EXPECT(0, ACL(aclmdlRIExecuteAsync)(graph, bench.stream));
    bench.sync();
    CHECK(violations(5) >= 1);
}

TEST(rule_17_task_update)
{
    Bench bench;
    void *graph, *group, *side, *event;
    Dev a(bench, {4}, F32, {1, 1, 1, 1});
    EXPECT(0, ACL(aclrtCreateStream)(&side));
    EXPECT(0, ACL(aclrtCreateEventWithFlag)(&event, 0x20));
    EXPECT(0, ACL(aclmdlRICaptureBegin)(bench.stream, 0));
    EXPECT(0, ACL(aclrtStreamWaitEvent)(bench.stream, event));
    EXPECT(0, ACL(aclrtResetEvent)(event, bench.stream));
    EXPECT(0, ACL(aclmdlRICaptureTaskGrpBegin)(bench.stream));
    EXPECT(0, RUN_OP(bench, aclnnInplaceMuls, a.tensor, scalar_of(2)));
    EXPECT(0, ACL(aclmdlRICaptureTaskGrpEnd)(bench.stream, &group));
    EXPECT(0, ACL(aclmdlRICaptureEnd)(bench.stream, &graph));
    float expected = 1;
    for (float factor : {3.f, 5.f}) {
        EXPECT(0, ACL(aclmdlRIExecuteAsync)(graph, bench.stream)); // waits for the update
        EXPECT(0, ACL(aclmdlRICaptureTaskUpdateBegin)(side, group));
        std::swap(bench.stream, side);
        EXPECT(0, RUN_OP(bench, aclnnInplaceMuls, a.tensor, scalar_of(factor)));
        std::swap(bench.stream, side);
        EXPECT(0, ACL(aclmdlRICaptureTaskUpdateEnd)(side));
        EXPECT(0, ACL(aclrtRecordEvent)(event, side));
        bench.sync();
        EXPECT(0, ACL(aclrtSynchronizeStream)(side));
        expected *= factor;
        CHECK(a.get()[0] == expected);
    }
    EXPECT(107033, ACL(aclmdlRICaptureTaskUpdateEnd)(side));
    EXPECT(0, ACL(aclmdlRICaptureTaskUpdateBegin)(side, group));
    std::swap(bench.stream, side);
    EXPECT(207019, RUN_OP(bench, aclnnInplaceZero, a.tensor));
}

TEST(rule_19_unspecified_parts_are_poison)
{
    Bench bench;
    Dev x(bench, {4, 8}, F16, std::vector<float>(32, 1)), w(bench, {2, 8, 8}, F16, std::vector<float>(128, 1)), y(bench, {4, 8}, F16, std::vector<float>(32, 5)), ends(bench, {2}, I64, {1, 3});
    EXPECT(0, RUN_OP(bench, aclnnGroupedMatmulV4, list_of({x.tensor}), list_of({w.tensor}), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
        ends.tensor, nullptr, nullptr, nullptr, (int64_t)2, (int64_t)0, (int64_t)0, (int64_t)0, list_of({y.tensor}), nullptr, nullptr));
    bench.sync();
    auto values = y.get();
    CHECK(values[0] == 8 && values[23] == 8);
    CHECK(std::isnan(values[24]) && std::isnan(values[31]));
    Dev fresh(bench, {16}, F32);
    CHECK(std::isnan(fresh.get()[7]));
}

TEST(rule_20_error_text_and_sticky_faults)
{
    Bench bench;
    void *memory;
    EXPECT(107000, ACL(aclrtFree)(nullptr));
    std::thread([] { CHECK(ACL(aclGetRecentErrMsg)() == nullptr); }).join();
    const char *text = ACL(aclGetRecentErrMsg)();
    CHECK(text && std::strstr(text, "aclrtFree"));
    CHECK(ACL(aclGetRecentErrMsg)() == nullptr);
    CHECK(ACL(aclrtGetLastError)(0) == 107000 && ACL(aclrtGetLastError)(0) == 0);
    EMU(emu_configure)("fault.kernel", "1");
    Dev a(bench, {8}, F32, std::vector<float>(8, 1));
    EXPECT(0, RUN_OP(bench, aclnnInplaceZero, a.tensor));
    EXPECT(507015, ACL(aclrtSynchronizeStream)(bench.stream));
    EXPECT(507015, ACL(aclrtMalloc)(&memory, 64, 0));
    EXPECT(507015, ACL(aclrtSynchronizeStream)(bench.stream));
    EXPECT(0, ACL(aclrtResetDeviceForce)(0));
    EXPECT(0, ACL(aclrtSetDevice)(0));
    EXPECT(0, ACL(aclrtMalloc)(&memory, 64, 0));
}

TEST(rule_21_injected_faults_and_missing_symbols)
{
    Bench bench;
    void *memory;
    EMU(emu_configure)("fault.malloc", "2");
    EXPECT(0, ACL(aclrtMalloc)(&memory, 64, 0));
    EXPECT(207001, ACL(aclrtMalloc)(&memory, 64, 0));
    EXPECT(0, ACL(aclrtMalloc)(&memory, 64, 0));
    EMU(emu_configure)("fault.malloc.host", "1");
    EXPECT(207001, ACL(aclrtMallocHost)(&memory, 64));
    Dev a(bench, {8}, F32, std::vector<float>(8, 1));
    EMU(emu_configure)("fault.launch", "1");
    EXPECT(507015, RUN_OP(bench, aclnnInplaceZero, a.tensor));
    EXPECT(0, RUN_OP(bench, aclnnInplaceZero, a.tensor));
    EMU(emu_configure)("fault.phase1", "1");
    EXPECT(561000, RUN_OP(bench, aclnnInplaceZero, a.tensor));
    EMU(emu_configure)("fault.missing", "aclnnInplaceZero");
    EXPECT(561003, RUN_OP(bench, aclnnInplaceZero, a.tensor));
    EMU(emu_configure)("fault.missing", "");
    EMU(emu_configure)("fault.device", "1");
    EXPECT(507010, ACL(aclrtSynchronizeStream)(bench.stream));
    EMU(emu_configure)("fault.device", "0");
    bench.sync();
    EMU(emu_configure)("memory", "1048576");
    EXPECT(207001, ACL(aclrtMalloc)(&memory, 2 << 20, 0));
    CHECK(EMU(emu_configure)("nonsense", "1") == 1 && EMU(emu_configure)("seed", "x") == 2);
    CHECK(has_symbol(old_profile ? "libopapi.so" : "libopapi_transformer.so", "aclnnMoeGatingTopK") == !old_profile);
    CHECK(has_symbol("libascendcl.so", "aclrtFreeWithDevSync") == !old_profile);
    CHECK(has_symbol("libacl_rt.so", "aclrtMalloc") == !old_profile);
    CHECK(!has_symbol("libnnopbase.so", "aclrtMalloc"));
    CHECK(has_symbol("libnnopbase.so", "aclCreateTensor"));
}

TEST(strict_mode_aborts)
{
    Bench bench;
    Dev a(bench, {64}, F32, std::vector<float>(64, 1));
    EMU(emu_configure)("mode", "strict");
    CHECK(dies([&] {
        uint64_t size;
        void *executor;
        ACL(aclnnSoftmaxGetWorkspaceSize)(a.tensor, 0, a.tensor, &size, &executor);
        ACL(aclnnSoftmax)(nullptr, 0, nullptr, bench.stream);
        ACL(aclDestroyAclOpExecutor)(executor);
        ACL(aclDestroyAclOpExecutor)(executor);
    }));
    EMU(emu_configure)("mode", "real");
}
