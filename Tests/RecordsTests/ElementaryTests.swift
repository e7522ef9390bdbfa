import Foundation
import Records
import Testing

@Suite("Elementary functions")
struct ElementaryTests {
    @Test("exponential, logarithm and normal distribution agree with the C library")
    func agree() {
        var random = SeededRandom(seed: 1)
        var worst = (exp: 0.0, log: 0.0, normal: 0.0)
        for _ in 0..<200_000 {
            let x = (random.unit() - 0.5) * 1400
            worst.exp = max(worst.exp, abs(exponential(x) / Foundation.exp(x) - 1))
            let small = (random.unit() - 0.5) * 2
            worst.exp = max(worst.exp, abs(exponential(small) / Foundation.exp(small) - 1))
            let y = Foundation.exp(x / 2)
            worst.log = max(
                worst.log,
                abs(naturalLogarithm(y) - Foundation.log(y)) / max(1, abs(Foundation.log(y))))
            let z = random.normal() * 4
            worst.normal = max(
                worst.normal, abs(normalDistribution(z) - 0.5 * erfc(-z / 2.0.squareRoot())))
        }
        #expect(worst.exp < 2e-15 && worst.log < 2e-15 && worst.normal < 1e-13, "\(worst)")
    }

    @Test("at the ends of the range they give what IEEE 754 has there")
    func ends() {
        #expect(exponential(-1000) == 0 && exponential(-800) == 0 && exponential(0) == 1)
        #expect(exponential(800) == .infinity && exponential(709.7) < .infinity)
        #expect(exponential(-744) > 0 && exponential(.nan).isNaN)
        #expect(naturalLogarithm(1) == 0 && naturalLogarithm(0) == -.infinity)
        #expect(naturalLogarithm(.infinity) == .infinity && naturalLogarithm(-1).isNaN)
        #expect(logistic(-1000) == 0 && logistic(1000) == 1 && logistic(0) == 0.5)
        #expect(binaryEntropy(1) == 0 && binaryEntropy(0) == 0)
    }

    @Test("logistic, losses and log odds agree with the C library's")
    func losses() {
        var random = SeededRandom(seed: 11)
        for _ in 0..<20_000 {
            let x = (random.unit() - 0.5) * 80
            let e = exponential(x)
            #expect(abs(e / Foundation.exp(x) - 1) < 1e-15)
            #expect(abs(naturalLogarithm(e) - x) < 1e-14 * max(1, abs(x)))
            #expect(abs(logistic(x) / (1 / (1 + Foundation.exp(-x))) - 1) < 1e-15)
            let loss = Foundation.log1p(Foundation.exp(-abs(x))) + max(-x, 0)
            #expect(abs(logLoss(logit: x, label: true) - loss) < 1e-14 * max(1, loss))
            let p = 0.001 + 0.998 * random.unit()
            #expect(abs(logOdds(p) - Foundation.log(p / (1 - p))) < 1e-14)
        }
    }

    @Test("the posterior's exp and log are within an ulp or two of the system's")
    func posterior() {
        var random = SeededRandom(seed: 1)
        var worst = 0.0
        for _ in 0..<200_000 {
            let x = (random.unit() - 0.5) * 200
            worst = max(worst, abs(stableExp(x) - exp(x)) / exp(x).ulp)
            let y = exp((random.unit() - 0.5) * 100)
            worst = max(worst, abs(stableLog(y) - log(y)) / max(log(y).magnitude.ulp, 1e-16))
        }
        #expect(worst <= 2, "\(worst) ulp")
        #expect(stableExp(-1000) == 0 && stableExp(1000).isFinite && stableExp(.nan).isNaN)
        #expect(stableExp(0) == 1 && stableLog(1) == 0 && stableLogistic(0) == 0.5)
    }

    @Test("bits never change: these are in the states that stores hold")
    func golden() {
        var hash = StableHash()
        var random = SeededRandom(seed: 8)
        for _ in 0..<10_000 {
            let x = (random.unit() - 0.5) * 200
            for value in [
                stableExp(x), stableLog(abs(x)), exponential(x), naturalLogarithm(abs(x)),
                logLoss(logit: x, label: true), normalDistribution(x / 10), random.normal(),
            ] { hash.combine(value.bitPattern) }
        }
        #expect(String(hash.value, radix: 16) == "c7be206b7395fa9d")
    }
}
