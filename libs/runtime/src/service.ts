/** The promises of a service or a resource about its life. */
export interface Service {
  /** Resolves when the service does its work; a second call changes nothing. */
  start(): Promise<void>
  /** Accepts nothing new and resolves when nothing is in flight, at the latest at the deadline. */
  drain(deadlineMs: number): Promise<void>
  /** Whether work may be sent here now; `/readyz` calls it, so it must answer at once. */
  ready?(): Readiness
  /** Where others reach the service, if not at its admin server; read once it has started. */
  address?(admin: Address): Address
}

/** Whether work may be sent here, with the reason when not. */
export interface Readiness {
  ok: boolean
  reason?: string
  /** What a ready service has to do without. */
  degraded?: string[]
}

/** Where others reach the admin server of this process. */
export interface Address {
  host: string
  port: number
}

/** Something that holds a connection, a file or a timer until it is closed. */
export interface Closable {
  close(): Promise<void>
}
