/// Whom requests are computed for: those of one client share its part of the machine.
package struct ClientKey: Hashable, Sendable {
    /// Who pays, as the operator knows them; nil where nobody is told apart. Never what a caller may choose: who can
    /// invent names could take a part of the machine for each.
    package var project: String?
    /// The adapter's name; nil for the model as it is.
    package var adapter: String?

    package init(project: String? = nil, adapter: String? = nil) {
        self.project = project
        self.adapter = adapter
    }
}

/// Whose turn it is among requests of one priority.
package enum Scheduling: String, Sendable, CaseIterable {
    /// The client's who has been served least, by its weight.
    case fair
    /// That of the request that came first.
    case arrival
}
