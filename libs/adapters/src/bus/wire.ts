import type { MsgHdrs } from 'nats'

/** One received message. */
export interface BusMessage {
  readonly subject: string
  readonly reply: string
  /** Log sequence of a republished message, 0 for any other. */
  readonly seq: number
  /** Size of the text in bytes. */
  readonly bytes: number
  text(): string
  /** False when the text is larger than the server accepts; the message was not sent. */
  respond(text: string): boolean
}

/** A message to be sent. */
export interface Outgoing {
  readonly subject: string
  readonly data: string
  readonly reply?: string
  readonly headers?: MsgHdrs
}

/** Why a request stops waiting; `too-large`: it was not sent. */
export interface Ended {
  readonly kind: 'answered' | 'no-responders' | 'timeout' | 'too-large'
}

/** How a request ended. */
export type Reply =
  | { readonly kind: 'reply'; readonly text: string }
  | Exclude<Ended, { kind: 'answered' }>

/** The bus as text on subjects: for channels and JetStream. */
export interface Wire {
  /** False when the text is larger than the server accepts; the message is not sent. */
  publish(subject: string, data: string, reply?: string): boolean
  /** Never rejects; a broken connection appears as `timeout`. */
  request(subject: string, data: string, timeoutMs: number): Promise<Reply>
  /** Hands every answer to `take` until it is satisfied or the time is over; `take` must not throw. */
  collect(
    subject: string,
    data: string,
    waitMs: number,
    take: (text: string) => boolean,
  ): Promise<Ended>
  subscribe(
    subject: string,
    handler: (message: BusMessage) => void,
    options?: { readonly queue?: string },
  ): { close(): void }
  /** Largest text that the server accepts in one message, bytes. */
  payloadMax(): number
}
