extension TidemarkEvent {
    /// What kind of event it is. Raw values are names for metrics and pages: they stay.
    package enum Kind: String, CaseIterable, Sendable {
        case starting
        case resumed
        case wentBack = "went_back"
        case paused
        case unpaused
        case newCluster = "new_cluster"
        case gapAccepted = "gap_accepted"
        case consuming
        case progress
        case refreshStarted = "refresh_started"
        case judged
        case refreshBroughtNothing = "refresh_brought_nothing"
        case driftFound = "drift_found"
        case answersChanged = "answers_changed"
        case boughtOtherwise = "bought_otherwise"
        case contextKeysLeftOut = "context_keys_left_out"
        case snapshot
        case keptWhole = "kept_whole"
        case notKeptWhole = "not_kept_whole"
        case keysDestroyed = "keys_destroyed"
        case keysNotDestroyed = "keys_not_destroyed"
        case deadLetter = "dead_letter"
        case moreDeadLetters = "more_dead_letters"
        case mostUnusable = "most_unusable"
        case producerRestarted = "producer_restarted"
        case notPublished = "not_published"
        case publishedAgain = "published_again"
        case framed
        case serving
        case http
        case controlSocket = "control_socket"
        case searchingCulprit = "searching_culprit"
        case refused
        case endedHere = "ended_here"
        case waitingForRoom = "waiting_for_room"
        case roomAgain = "room_again"
        case waitingForSchema = "waiting_for_schema"
        case schemaAgain = "schema_again"
        case waitingForBrokers = "waiting_for_brokers"
        case mostlyLate = "mostly_late"
        case noRoom = "no_room"
        case weightsClipped = "weights_clipped"
        case kafka
        case reloaded
        case notReloaded = "not_reloaded"
        case logLevel = "log_level"
        case stopping
    }

    package var kind: Kind {
        switch self {
        case .starting: .starting
        case .resumed: .resumed
        case .wentBack: .wentBack
        case .paused: .paused
        case .unpaused: .unpaused
        case .newCluster: .newCluster
        case .gapAccepted: .gapAccepted
        case .consuming: .consuming
        case .progress: .progress
        case .refreshStarted: .refreshStarted
        case .judged: .judged
        case .refreshBroughtNothing: .refreshBroughtNothing
        case .driftFound: .driftFound
        case .answersChanged: .answersChanged
        case .boughtOtherwise: .boughtOtherwise
        case .contextKeysLeftOut: .contextKeysLeftOut
        case .snapshot: .snapshot
        case .keptWhole: .keptWhole
        case .notKeptWhole: .notKeptWhole
        case .keysDestroyed: .keysDestroyed
        case .keysNotDestroyed: .keysNotDestroyed
        case .deadLetter: .deadLetter
        case .moreDeadLetters: .moreDeadLetters
        case .mostUnusable: .mostUnusable
        case .producerRestarted: .producerRestarted
        case .notPublished: .notPublished
        case .publishedAgain: .publishedAgain
        case .framed: .framed
        case .serving: .serving
        case .http: .http
        case .controlSocket: .controlSocket
        case .searchingCulprit: .searchingCulprit
        case .refused: .refused
        case .endedHere: .endedHere
        case .waitingForRoom: .waitingForRoom
        case .roomAgain: .roomAgain
        case .waitingForSchema: .waitingForSchema
        case .schemaAgain: .schemaAgain
        case .waitingForBrokers: .waitingForBrokers
        case .mostlyLate: .mostlyLate
        case .noRoom: .noRoom
        case .weightsClipped: .weightsClipped
        case .kafka: .kafka
        case .reloaded: .reloaded
        case .notReloaded: .notReloaded
        case .logLevel: .logLevel
        case .stopping: .stopping
        }
    }
}
