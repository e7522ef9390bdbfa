import CPosterior
import Foundation
import Records
import ResponseModel
import Testing

/// Each kernel against a naive reference.
@Suite struct KernelTests {
    struct Symmetric {
        let n: Int
        var packed: [Double]

        /// Positive definite: a random matrix times its transpose, plus a diagonal.
        init(_ n: Int, _ random: inout SeededRandom) {
            self.n = n
            let root = (0..<n * n).map { _ in random.normal() * 0.1 }
            packed = []
            for i in 0..<n {
                for j in 0...i {
                    var sum = i == j ? 0.5 : 0
                    for k in 0..<n { sum += root[i * n + k] * root[j * n + k] }
                    packed.append(sum)
                }
            }
        }

        subscript(_ i: Int, _ j: Int) -> Double {
            packed[max(i, j) * (max(i, j) + 1) / 2 + min(i, j)]
        }
    }

    @Test("one label's mode is bisection's, over every variance, weight and logit")
    func mode() {
        /// By halving alone, until nothing is left between.
        func bisected(_ mean: Double, _ variance: Double, _ label: Double, _ weight: Double)
            -> Double
        {
            var (low, high) = (mean - weight * variance, mean + weight * variance)
            for _ in 0..<400 {
                let z = low + 0.5 * (high - low)
                let residual = weight * (label - 1 / (1 + exp(-z))) - (z - mean) / variance
                if residual > 0 { low = z } else { high = z }
            }
            return low
        }
        var worst = 0.0
        for variance in [1e-9, 1e-4, 0.01, 0.58, 4, 100, 1e6] {
            for weight in [1e-6, 0.01, 1, 30, 1e4, 1e8] {
                for mean in [-700, -40, -12, -5, -0.3, 0, 2, 9, 40, 700] {
                    for label in [0, 0.25, 1] {
                        let z = posterior_mode(mean, variance, label, weight)
                        let expected = bisected(mean, variance, label, weight)
                        let error = abs(z - expected) / (1 + abs(expected))
                        worst = max(worst, error)
                        #expect(error < 1e-9, "\(variance) \(weight) \(mean) \(label): \(z)")
                    }
                }
            }
        }
        #expect(abs(posterior_mode(-5, 0.58, 1, 30) - 0.72) < 0.005)
    }

    @Test("the product with a packed symmetric matrix", arguments: [1, 7, 8, 9, 40, 133])
    func symmetricProduct(n: Int) {
        var random = SeededRandom(seed: UInt64(n))
        let matrix = Symmetric(n, &random)
        let g = (0..<n).map { _ in random.normal() }
        let h = (0..<n).map { _ in random.normal() }
        var y = [Double](repeating: 7, count: n)
        var y2 = y
        var single = y
        unsafe posterior_symv(Int32(n), matrix.packed, g, &y, h, &y2)
        unsafe posterior_symv(Int32(n), matrix.packed, g, &single, nil, nil)
        #expect(y == single)
        for i in 0..<n {
            let expected = (0..<n).reduce(0) { $0 + matrix[i, $1] * g[$1] }
            let other = (0..<n).reduce(0) { $0 + matrix[i, $1] * h[$1] }
            #expect(abs(y[i] - expected) < 1e-10 && abs(y2[i] - other) < 1e-10)
        }
    }

    @Test("the downdate at a block's end", arguments: [(5, 2), (31, 7), (64, 64), (150, 33)])
    func downdate(n: Int, active: Int) {
        var random = SeededRandom(seed: UInt64(n))
        let matrix = Symmetric(n, &random)
        let index = (0..<active).map { Int32(($0 * 3 + 1) % n) }
        let stride = (n + 15) & ~15
        let width = GaussianCore.activeMax
        var information = [Double](repeating: 0, count: width * width)
        for i in 0..<active {
            for j in 0...i {
                let value = (random.unit() - 0.3) * 0.001
                information[i * width + j] = value
                information[j * width + i] = value
            }
        }
        let shift = (0..<active).map { _ in random.normal() }
        var rows = [Double](repeating: 9, count: active * stride)
        var work = rows
        var after = matrix.packed
        var mean = [Double](repeating: 1, count: n)
        unsafe posterior_gather(
            Int32(n), matrix.packed, Int32(active), index, &rows, Int32(stride))
        let bad = unsafe posterior_downdate(
            Int32(n), &after, &mean, Int32(active), rows, Int32(stride), information, shift, &work)
        #expect(bad == 0)
        var place = 0
        for i in 0..<n {
            let center = (0..<active).reduce(1) { $0 + matrix[i, Int(index[$1])] * shift[$1] }
            #expect(abs(mean[i] - center) < 1e-10)
            for j in 0...i {
                var expected = matrix[i, j]
                for a in 0..<active {
                    for b in 0..<active {
                        expected -=
                            matrix[i, Int(index[a])] * information[a * width + b]
                            * matrix[Int(index[b]), j]
                    }
                }
                #expect(abs(after[place] - expected) < 1e-10)
                place += 1
            }
        }
    }

    @Test("a system of equations is solved, an indefinite one refused", arguments: [1, 2, 9, 50])
    func solve(n: Int) {
        var random = SeededRandom(seed: UInt64(n))
        let matrix = Symmetric(n, &random)
        let x = (0..<n).map { _ in random.normal() }
        // The system's rows and columns stand backwards in a larger matrix, with another diagonal.
        let stride = n + 3
        let index = (0..<n).map { Int32(n - 1 - $0) }
        let diagonal = (0..<n).map { matrix[$0, $0] }.max() ?? 1
        var kernel = [Double](repeating: 7, count: stride * stride)
        for i in 0..<n {
            for j in 0..<n { kernel[Int(index[i]) * stride + Int(index[j])] = matrix[i, j] }
        }
        var b = (0..<n).map { i in
            (0..<n).reduce(0) { $0 + (i == $1 ? diagonal : matrix[i, $1]) * x[$1] }
        }
        var factor = [Double](repeating: 0, count: n * n)
        let solved = unsafe posterior_condition(
            Int32(n), index, kernel, Int32(stride), diagonal, &factor, &b)
        #expect(solved == 1)
        for i in 0..<n { #expect(abs(b[i] - x[i]) < 1e-8) }

        var work = [Double](repeating: 0, count: matrix.packed.count)
        #expect(unsafe posterior_is_definite(Int32(n), matrix.packed, &work) == 1)
        var broken = matrix.packed
        broken[broken.count - 1] = -1
        #expect(unsafe posterior_is_definite(Int32(n), broken, &work) == 0)
        let refused = unsafe posterior_condition(
            Int32(n), index, kernel, Int32(stride), 0, &factor, &b)
        #expect(refused == 0)
    }

    @Test("similarities of vectors of any length", arguments: [1, 8, 15, 16, 100])
    func similarity(dimension: Int) {
        var random = SeededRandom(seed: 5)
        let vectors = (0..<3 * dimension).map { _ in Float(random.normal()) }
        let e = (0..<dimension).map { _ in Float(random.normal()) }
        var out = [Double](repeating: 0, count: 3)
        unsafe posterior_similarity(Int32(dimension), 3, vectors, e, &out)
        for row in 0..<3 {
            let expected = (0..<dimension).reduce(0.0) {
                $0 + Double(vectors[row * dimension + $1]) * Double(e[$1])
            }
            #expect(abs(out[row] - expected) < 1e-10)
        }
    }

    @Test("one event, as the rank-one update of a whole Gaussian")
    func event() {
        var random = SeededRandom(seed: 6)
        let n = 20
        let width = GaussianCore.activeMax
        let matrix = Symmetric(n, &random)
        var prior = [Double](repeating: 0, count: width * width)
        for i in 0..<n { for j in 0..<n { prior[i * width + j] = matrix[i, j] } }
        var information = [Double](repeating: 0, count: width * width)
        var mean = [Double](repeating: 0, count: width)
        var shift = mean
        // The reference: covariance and mean updated in place after each event.
        var covariance = (0..<n).map { i in (0..<n).map { matrix[i, $0] } }
        var center = [Double](repeating: 0, count: n)
        var precision = [0.0, 0.0, 0.0]
        var eta = precision
        let tau = [4.0, 9.0]
        var scratch = [Double](repeating: 0, count: 4 * width + 8)
        var outcome = [Double](repeating: 0, count: Int(POSTERIOR_OUTCOME_COUNT))
        // The tail's first group is of all, its second one of the event's user.
        var owners = posterior_owners(user: 2, item: 0, item_entry: 2)
        var limits = Self.unlimited
        for _ in 0..<200 {
            let positions = [Int32(0), 3, Int32(5 + Int(random.unit() * 10)), 19]
            let values = [1, random.normal(), random.normal(), 0.5]
            let label = random.unit() < 0.3
            let before = (precision, eta)
            let learned = unsafe posterior_learn(
                Int32(n), prior, &information, &mean, &shift, 4, positions, values, 2, [2, -1],
                [0, 1], [1.5, 2], &precision, &eta, tau, &owners, 0, label ? 1 : 0, 1, 0, &limits,
                &scratch, &outcome)
            #expect(Int(learned) == POSTERIOR_LEARNED)

            var u = [Double](repeating: 0, count: n)
            var logit = 0.0
            for (position, value) in zip(positions, values) {
                for i in 0..<n { u[i] += covariance[i][Int(position)] * value }
                logit += center[Int(position)] * value
            }
            var variance = zip(positions, values).reduce(0) { $0 + u[Int($1.0)] * $1.1 }
            let spread = 1 / (tau[0] + before.0[2])
            logit += 1.5 * before.1[2] * spread
            variance += 1.5 * 1.5 * spread + 4 / tau[1]
            #expect(abs(outcome[0] - logit) < 1e-11 && abs(outcome[1] - variance) < 1e-11)
            var z = logit
            for _ in 0..<100 {
                let p = 1 / (1 + exp(-z))
                z += ((label ? 1 : 0) - p - (z - logit) / variance) / (p * (1 - p) + 1 / variance)
            }
            let p = 1 / (1 + exp(-z))
            let step = (z - logit) / variance
            let curvature = p * (1 - p) / (1 + p * (1 - p) * variance)
            for i in 0..<n {
                center[i] += step * u[i]
                for j in 0..<n { covariance[i][j] -= curvature * u[i] * u[j] }
                #expect(abs(center[i] - mean[i]) < 1e-10)
            }
            let after = spread - curvature * (1.5 * spread) * (1.5 * spread)
            #expect(abs(1 / after - tau[0] - precision[2]) < 1e-9)
        }
    }

    static let unlimited = posterior_limits(
        own: .infinity, user: .infinity, item_up: .infinity, item_down: .infinity,
        common_up: .infinity, common_down: .infinity)

    @Test(
        "where a bound is met, what is learned is the label with the smaller weight that moves as much",
        arguments: [
            POSTERIOR_BOUND_OWN, POSTERIOR_BOUND_USER, POSTERIOR_BOUND_ITEM, POSTERIOR_BOUND_COMMON,
        ])
    func bounded(bound: Int) {
        var random = SeededRandom(seed: 8)
        let n = 12
        let width = GaussianCore.activeMax
        let matrix = Symmetric(n, &random)
        var prior = [Double](repeating: 0, count: width * width)
        for i in 0..<n { for j in 0..<n { prior[i * width + j] = matrix[i, j] } }
        let values = [1, 1, 1, 0.5]
        let positions: [Int32] = [0, 4, 7, 11]
        let tail: (values: [Double], groups: [UInt8]) = ([1, 1.5, 0.7], [0, 1, 2])
        let tau = [4.0, 9.0, 6.0]
        // Group 0 is of all, 1 of the user, 2 of the item.
        var owners = posterior_owners(user: 2, item: 4, item_entry: 2)
        var u = [Double](repeating: 0, count: n)
        for (position, value) in zip(positions, values) {
            for i in 0..<n { u[i] += matrix[i, Int(position)] * value }
        }
        let core = zip(positions, values).reduce(0) { $0 + u[Int($1.0)] * $1.1 }
        let spread = zip(tail.values, tail.groups).map { $0 * $0 / tau[Int($1)] }
        let moved = [
            core + spread[0] + spread[1] + spread[2],
            core + spread[0] + spread[2], core + spread[0] + spread[2],
            core - u[7] + spread[0],
        ][bound - POSTERIOR_BOUND_OWN]
        let allowed = 0.05
        for label in [1.0, 0] {
            var limits = Self.unlimited
            switch bound {
            case POSTERIOR_BOUND_OWN: limits.own = allowed
            case POSTERIOR_BOUND_USER: limits.user = allowed
            case POSTERIOR_BOUND_ITEM:
                limits.item_up = label > 0 ? allowed : 0
                limits.item_down = label > 0 ? 0 : allowed
            default:
                limits.common_up = label > 0 ? allowed : 0
                limits.common_down = label > 0 ? 0 : allowed
            }
            func learn(_ weight: Double, _ limits: inout posterior_limits) -> (
                code: Int, outcome: [Double], state: [Double]
            ) {
                var information = [Double](repeating: 0, count: width * width)
                var mean = [Double](repeating: 0, count: width)
                var shift = mean
                var (precision, eta) = ([0.0, 0, 0], [0.0, 0, 0])
                var scratch = [Double](repeating: 0, count: 4 * width + 8)
                var outcome = [Double](repeating: 0, count: Int(POSTERIOR_OUTCOME_COUNT))
                let code = unsafe posterior_learn(
                    Int32(n), prior, &information, &mean, &shift, 4, positions, values, 3,
                    [0, 1, 2], tail.groups, tail.values, &precision, &eta, tau, &owners, 0, label,
                    weight, 0, &limits, &scratch, &outcome)
                return (Int(code), outcome, mean + shift + precision + eta)
            }
            let held = learn(50, &limits)
            #expect(held.code == bound)
            #expect(abs(abs(held.outcome[POSTERIOR_STEP]) * moved - allowed) < 1e-12)
            let weight = held.outcome[POSTERIOR_WEIGHT]
            #expect(weight > 0 && weight < 50)
            var none = Self.unlimited
            let free = learn(weight, &none)
            #expect(free.code == POSTERIOR_LEARNED)
            for (a, b) in zip(held.state, free.state) { #expect(abs(a - b) < 1e-9) }
            // At the bound nothing moves at all.
            limits = posterior_limits(
                own: 0, user: 0, item_up: 0, item_down: 0, common_up: 0, common_down: 0)
            let still = learn(50, &limits)
            #expect(still.outcome[POSTERIOR_WEIGHT] == 0 && still.state.allSatisfy { $0 == 0 })
        }
    }

    @Test(
        "with a squared error one event is the step of a Kalman filter, and a share is between its ends"
    )
    func squared() {
        var random = SeededRandom(seed: 12)
        let n = 6
        let width = GaussianCore.activeMax
        let matrix = Symmetric(n, &random)
        var prior = [Double](repeating: 0, count: width * width)
        for i in 0..<n { for j in 0..<n { prior[i * width + j] = matrix[i, j] } }
        let positions: [Int32] = [0, 2, 5]
        let values = [1, 0.5, -1.0]
        var owners = posterior_owners(user: 0, item: 0, item_entry: 2)
        var limits = Self.unlimited
        func learn(_ label: Double, weight: Double, noise: Double) -> (mean: [Double], v: Double) {
            var information = [Double](repeating: 0, count: width * width)
            var mean = [Double](repeating: 0, count: width)
            var shift = mean
            var (precision, eta) = ([0.0], [0.0])
            var scratch = [Double](repeating: 0, count: 4 * width + 8)
            var outcome = [Double](repeating: 0, count: Int(POSTERIOR_OUTCOME_COUNT))
            for _ in 0..<2 {
                let code = unsafe posterior_learn(
                    Int32(n), prior, &information, &mean, &shift, 3, positions, values, 0, [], [],
                    [], &precision, &eta, [1], &owners, 0, label, weight, noise, &limits,
                    &scratch, &outcome)
                #expect(Int(code) == POSTERIOR_LEARNED)
            }
            return (mean, outcome[POSTERIOR_VARIANCE])
        }
        // The reference: two Kalman steps in full.
        var covariance = (0..<n).map { i in (0..<n).map { matrix[i, $0] } }
        var center = [Double](repeating: 0, count: n)
        var before = 0.0
        for _ in 0..<2 {
            let u = (0..<n).map { i in
                zip(positions, values).reduce(0) { $0 + covariance[i][Int($1.0)] * $1.1 }
            }
            let at = zip(positions, values).reduce(0) { $0 + center[Int($1.0)] * $1.1 }
            before = zip(positions, values).reduce(0) { $0 + u[Int($1.0)] * $1.1 }
            let gain = 1 / (before + 0.3 / 2)
            for i in 0..<n {
                center[i] += gain * u[i] * (1.7 - at)
                for j in 0..<n { covariance[i][j] -= gain * u[i] * u[j] }
            }
        }
        let found = learn(1.7, weight: 2, noise: 0.3)
        for i in 0..<n { #expect(abs(found.mean[i] - center[i]) < 1e-10) }
        #expect(abs(found.v - before) < 1e-10)
        let (none, some, all) = (
            learn(0, weight: 1, noise: 0), learn(0.4, weight: 1, noise: 0),
            learn(1, weight: 1, noise: 0)
        )
        #expect(none.mean[0] < some.mean[0] && some.mean[0] < all.mean[0])
        let same = learn(0.5, weight: 1, noise: 0)
        #expect(same.mean.allSatisfy { abs($0) < 1e-12 })
    }

    @Test("a label far from what was believed moves the logit between belief and label")
    func extremes() throws {
        for (level, label) in [(-700.0, true), (700, false), (-40, true), (0, true)] {
            var configuration = HeadConfiguration()
            configuration.interceptMean = level
            configuration.interceptVariance = 100
            var head = ResponseHead(name: "click", dimension: 0, configuration: configuration)
            let exposure = Exposure(tsMs: 0, user: "u", price: 1)
            let item = ItemFeatures(id: "i")
            let before = try head.learn(exposure, item: item, label: label)
            let after = try head.predict(exposure, item: item)
            #expect(after.logit.isFinite && after.variance > 0)
            #expect(
                label ? after.logit > before.logit : after.logit < before.logit,
                "\(level) \(label): \(before.logit) became \(after.logit)")
        }
    }
}
