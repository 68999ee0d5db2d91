import { signal } from '@preact/signals'
import type { ClientFrame, ServerFrame, TicketView } from '@agentfleet/protocol'
import { useEffect } from 'preact/hooks'
import { url } from '../shell/router.ts'
import { request } from './http.ts'
import { apiKey } from './key.ts'
import { paused } from './load.ts'
import { me, readMe } from './me.ts'

/** The subprotocol of the stream. */
const PROTOCOL = 'agentfleet'
/** Milliseconds before a broken stream is opened again; doubled after each failure. */
const REOPEN_FIRST_MS = 500
const REOPEN_MAX_MS = 15_000

/** Whether the last stream is open; views load again and again while it is not. */
export const streaming = signal(false)
/** While the stream sends what changes, a view loads more rarely: that covers a lost frame, milliseconds. */
export const STREAMED_EVERY_MS = 10_000
/** Without the stream a view loads this often, milliseconds. */
export const POLLED_EVERY_MS = 2_000

/** Follows the stream until the returned function is called. `hello` gives the frame that subscribes, for each new connection. */
export function followStream(
  hello: () => ClientFrame,
  receive: (frame: ServerFrame) => void,
): () => void {
  let socket: WebSocket | undefined
  let timer = 0
  let pauseMs = REOPEN_FIRST_MS
  /** The connection that is wanted now; an address that arrives for an earlier one is not used. */
  let wanted = 0
  let isOpen = false
  const later = () => {
    streaming.value = false
    timer = window.setTimeout(() => void open(), pauseMs)
    pauseMs = Math.min(REOPEN_MAX_MS, pauseMs * 2)
  }
  const open = async () => {
    wanted += 1
    const own = wanted
    const address = await addressOfStream().catch(() => undefined)
    if (own !== wanted) return
    if (address === undefined) later()
    else connect(address)
  }
  const connect = (address: URL) => {
    const opened = new WebSocket(address, [PROTOCOL])
    socket = opened
    opened.addEventListener('open', () => {
      streaming.value = true
      opened.send(JSON.stringify(hello()))
    })
    opened.addEventListener('message', ({ data }: MessageEvent<string>) => {
      pauseMs = REOPEN_FIRST_MS
      receive(JSON.parse(data) as ServerFrame)
    })
    opened.addEventListener('close', () => {
      if (socket === opened) later()
    })
  }
  const close = () => {
    clearTimeout(timer)
    wanted += 1
    const last = socket
    socket = undefined
    streaming.value = false
    last?.close()
  }
  const look = () => {
    if (document.hidden) {
      if (isOpen) close()
      isOpen = false
    } else if (!isOpen) {
      isOpen = true
      void open()
    }
  }
  document.addEventListener('visibilitychange', look)
  look()
  return () => {
    document.removeEventListener('visibilitychange', look)
    close()
  }
}

/** Follows a part of the stream, if one is given, as long as the view is shown and the reader has not paused it. */
export function useStream(
  subscribe: ClientFrame | undefined,
  receive: (frame: ServerFrame) => void,
): void {
  const still = paused.value || subscribe === undefined
  useEffect(() => {
    if (subscribe === undefined || still) return undefined
    return followStream(() => subscribe, receive)
  }, [still])
}

/** The address of the stream. The key never stands in an address: a ticket for one stream takes its place. */
async function addressOfStream(): Promise<URL> {
  // A browser reports a refused stream as an error, so it is opened only once the gateway knows the caller.
  if (me.value === undefined) await readMe()
  const address = new URL(url('/v1/stream'), location.href)
  address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
  if (apiKey.value === undefined) return address
  const { ticket } = await request<TicketView>('/v1/tickets', { method: 'POST' })
  address.searchParams.set('ticket', ticket)
  return address
}
