import ArgumentParser
import Daemon
import Events
import Foundation
import Mapping
import Records
import Terminal

/// `tidemark map`: try mappings, test them, and propose them.
struct MapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "map",
        abstract: "Try a mapping of a shop's own events, test mappings, or propose one.",
        discussion: """
            A mapping says how the records of a topic become events: deploy/docs/mapping.md. \
            --try shows what becomes of a sample, field by field; --from-topic does so with the newest \
            records of a topic, and commits nothing; --test runs tests of mappings; --infer proposes a \
            mapping from a sample; --show prints a preset, to be copied.
            """)

    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var chosen: MappingChoice

    @Option(
        name: .customLong("try"),
        help: ArgumentHelp(
            "A sample: a JSON document, lines, or a captured log.", valueName: "file"))
    var sample: String?

    @Option(help: ArgumentHelp("Try the newest records of this topic.", valueName: "topic"))
    var fromTopic: String?

    @Option(help: "Records to take of the topic, and to show of a sample.")
    var limit: Int?

    @Flag(help: "Run the tests in these files, or in the *.test.yaml of these folders.")
    var test = false

    @Option(
        help: ArgumentHelp("Propose a mapping from a sample, guesses marked.", valueName: "file"))
    var infer: String?

    @Flag(help: "Print the preset.")
    var show = false

    @Flag(help: "One event a line on standard output, reasons on standard error.")
    var json = false

    @Argument(help: ArgumentHelp("With --test: files and folders of tests.", valueName: "file"))
    var files: [String] = []

    func validate() throws {
        let asked = [sample != nil, fromTopic != nil, test, infer != nil, show].count { $0 }
        guard asked == 1 else {
            throw ValidationError(
                "Say one of --try FILE, --from-topic TOPIC, --test, --infer FILE and --show.")
        }
        guard test || files.isEmpty else {
            throw ValidationError("Files without an option are tests: say --test.")
        }
        if let limit, limit < 1 { throw ValidationError("--limit must be 1 or more.") }
        try chosen.validate(isNeeded: sample != nil, isPreset: show)
    }

    func run() throws {
        try reportingFailures {
            if test { return try MappingTestRun(files: files).run() }
            if let infer { return try proposal(infer) }
            if show { return print(try chosen.presetText(), terminator: "") }
            var view = TrialView(
                MappingTrial(
                    try chosen.mapping(options, topic: fromTopic),
                    topic: chosen.topic ?? fromTopic),
                isJSON: json, shownMax: limit ?? 10)
            if let sample {
                try MappingSample.read(file: sample) { record in
                    try view.show(record)
                    return true
                }
            } else if let fromTopic {
                try MappingSample.read(
                    topic: fromTopic, limit: limit ?? 1_000, try options.load()
                ) { try view.show($0) }
            }
            view.finish()
        }
    }

    private func proposal(_ file: String) throws {
        var inference = MappingInference()
        try MappingSample.read(file: file) { record in
            if let value = record.value { inference.look(at: value) }
            return inference.wantsMore
        }
        print(try inference.proposal(), terminator: "")
    }
}

/// Which mapping is meant.
struct MappingChoice: ParsableArguments {
    @Option(
        help: ArgumentHelp("The mapping of this topic of the configuration.", valueName: "topic"))
    var topic: String?

    @Option(
        help: ArgumentHelp(
            "A preset: \(Preset.listed).",
            valueName: "name"))
    var preset: String?

    @Option(help: ArgumentHelp("A mapping's file.", valueName: "file"))
    var mapping: String?

    @Option(
        help: ArgumentHelp("The shop's currency, for mappings that read one.", valueName: "EUR"))
    var currency: String?

    func validate(isNeeded: Bool, isPreset: Bool) throws {
        if isPreset, preset == nil { throw ValidationError("--show needs --preset NAME.") }
        if preset != nil, mapping != nil {
            throw ValidationError("Say either --preset or --mapping.")
        }
        if isNeeded, preset == nil, mapping == nil, topic == nil {
            throw ValidationError(
                "Say which mapping: --preset NAME, --mapping FILE, or --topic TOPIC with --config.")
        }
    }

    private func chosenPreset(_ name: String) throws -> Preset {
        guard let preset = Preset(rawValue: name) else {
            throw ExitStatus.usage.failure(
                "there is no preset '\(name)'; there are \(Preset.listed)")
        }
        return preset
    }

    func presetText() throws -> String { try chosenPreset(preset ?? "").yaml }

    func mapping(_ options: ConfigurationOptions, topic live: String?) throws -> Mapping {
        let known = try mapping == nil ? preset.map(chosenPreset) : nil
        do throws(MappingProblems) {
            if let mapping { return try MappingFile.mapping(path: mapping, currency: currency) }
            if let known { return try MappingFile.mapping(preset: known, currency: currency) }
        } catch {
            throw ExitStatus.badConfiguration.failure("\(error)")
        }
        let configuration = try options.load()
        let name = topic ?? live ?? ""
        guard let found = configuration.mapping(ofTopic: name) else {
            throw ExitStatus.badConfiguration.failure(
                "the configuration has no topic '\(name)' with a mapping; say --preset or --mapping"
            )
        }
        return found
    }
}
