/// How purchases are learned that come after the example could have been learned.
public enum DelayedFeedback: String, Sendable, CaseIterable {
    /// An example is learned once, when its label is known: at the purchase, or at the end of the
    /// wait.
    case wait
    /// Learned as not bought when it opens, and once more as bought at the purchase; weighted so
    /// that both together teach the truth.
    ///
    /// Source: Ktena et al., Addressing delayed feedback for continuous training with neural
    /// networks in CTR prediction, 2019, equation 7.
    case fakeNegativeWeighted = "fake_negative_weighted"
    /// The same at the end of a wait shorter than the window, weighted by how many purchases come
    /// later than that.
    ///
    /// Source: Yang et al., Capturing delayed feedback in conversion rate prediction via
    /// elapsed-time sampling, 2021, section 3 (ES-DFM). The two probabilities that the paper
    /// trains networks for follow here from the prediction and the distribution of delays.
    case elapsedTime = "elapsed_time"
}
