// A program on two streams, run with many seeds of random delays: an MoE layer on one, a Newton-Schulz iteration on the
// other, which meet at the end. With all its events it is clean and gives the same bits every time; without one it is
// caught every time.
#include "harness.h"

static std::vector<float> program(int seed, bool with_event)
{
    EMU(emu_reset)();
    EMU(emu_configure)("seed", std::to_string(seed).c_str());
    EMU(emu_configure)("delay.us", "40");
    Bench bench;
    int64_t tokens = 6, k = 2, experts = 4, h = 16, inner = 8;
    void *side, *event, *done;
    EXPECT(0, ACL(aclrtCreateStream)(&side));
    EXPECT(0, ACL(aclrtCreateEventExWithFlag)(&event, 1));
    EXPECT(0, ACL(aclrtCreateEventExWithFlag)(&done, 1));
    Dev x(bench, {tokens, h}, BF16, random_values(tokens * h, 1)), ids(bench, {tokens, k}, I32, {3, 0, 1, 2, 0, 2, 3, 2, 0, 1, 3, 1});
    Dev scale(bench, {tokens, k}, F32, random_values(tokens * k, 2)), w13(bench, {experts, h, 2 * inner}, BF16, random_values(experts * h * 2 * inner, 3, 0.3f));
    Dev w2(bench, {experts, inner, h}, BF16, random_values(experts * inner * h, 4, 0.3f)), sorted(bench, {tokens * k, h}, BF16), rows(bench, {tokens * k}, I32);
    Dev counts(bench, {experts}, I32), wide(bench, {experts}, I64), gate(bench, {tokens * k, 2 * inner}, BF16), act(bench, {tokens * k, inner}, BF16);
    Dev back(bench, {tokens * k, h}, BF16), out(bench, {tokens, h}, BF16);
    Dev m(bench, {h, h}, BF16, random_values(h * h, 5, 0.2f)), gram(bench, {h, h}, BF16), poly(bench, {h, h}, BF16), next(bench, {h, h}, BF16), last(bench, {tokens, h}, BF16);
    void *b = scalar_of(-4.775f), *c = scalar_of(2.0315f), *a = scalar_of(3.4445f), *one = scalar_of(1);
    auto grouped = [&](Dev &in, Dev &w, Dev &to) {
        EXPECT(0, RUN_OP(bench, aclnnGroupedMatmulV4, list_of({in.view(in.dims, {})}), list_of({w.view(w.dims, {})}), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, wide.tensor, nullptr, nullptr, nullptr,
            (int64_t)2, (int64_t)0, (int64_t)1, (int64_t)0, list_of({to.view(to.dims, {})}), nullptr, nullptr));
    };
    EXPECT(0, RUN_OP(bench, aclnnMoeInitRoutingV2, x.tensor, ids.tensor, (int64_t)0, (int64_t)0, experts, (int64_t)0, (int64_t)2, false, sorted.tensor, rows.tensor, counts.tensor, nullptr));
    EXPECT(0, RUN_OP(bench, aclnnCast, counts.tensor, I64, wide.tensor));
    grouped(sorted, w13, gate);
    EXPECT(0, RUN_OP(bench, aclnnSwiGlu, gate.tensor, (int64_t)-1, act.tensor));
    grouped(act, w2, back);
    EXPECT(0, RUN_OP(bench, aclnnMoeFinalizeRoutingV2, back.tensor, rows.tensor, x.tensor, nullptr, nullptr, scale.tensor, nullptr, (int64_t)2, out.tensor));
    EXPECT(0, ACL(aclrtRecordEvent)(event, bench.stream));
    std::swap(bench.stream, side);
    EXPECT(0, RUN_OP(bench, aclnnMm, m.tensor, m.view({h, h}, {1, h}), gram.tensor, (int8_t)0));
    EXPECT(0, RUN_OP(bench, aclnnAddmm, gram.tensor, gram.tensor, gram.tensor, b, c, poly.tensor, (int8_t)0));
    EXPECT(0, RUN_OP(bench, aclnnAddmm, m.tensor, poly.tensor, m.tensor, a, one, next.tensor, (int8_t)0));
    if (with_event)
        EXPECT(0, ACL(aclrtStreamWaitEvent)(bench.stream, event));
    EXPECT(0, RUN_OP(bench, aclnnMm, out.tensor, next.tensor, last.tensor, (int8_t)0)); // needs both
    bench.sync();
    EXPECT(0, ACL(aclrtSynchronizeDevice)());
    return last.get();
}

TEST(two_streams_with_many_seeds)
{
    const char *asked = std::getenv("EMULATOR_SEEDS");
    int seeds = asked ? std::atoi(asked) : 10;
    auto expected = program(0, true);
    for (int seed = 1; seed <= seeds; seed++) {
        CHECK(program(seed, true) == expected);
        CHECK(EMU(emu_count)("violations") == 0);
        program(seed, false);
        CHECK(violations(5) > 0);
    }
}
