import { signal } from '@preact/signals'
import type { ClientFrame, ServerFrame } from '@agentfleet/protocol'
import { url } from '../shell/router.ts'
import { apiKey } from './key.ts'

/** The subprotocol of the stream. */
const PROTOCOL = 'agentfleet'
/** A browser refuses other characters in a subprotocol. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Milliseconds before a broken stream is opened again; doubled after each failure. */
const REOPEN_FIRST_MS = 500
const REOPEN_MAX_MS = 15_000

/** Whether the last stream is open; views load again and again while it is not. */
export const streaming = signal(false)

/** Follows the stream until closed. `hello` gives the frames that subscribe, for each new connection. */
export function followStream(
  hello: () => readonly ClientFrame[],
  receive: (frame: ServerFrame) => void,
): { close(): void } {
  const key = apiKey.value
  const protocols = key === undefined ? [PROTOCOL] : [PROTOCOL, `bearer.${key}`]
  // The view still loads the task again and again.
  if (key !== undefined && !TOKEN.test(key)) return { close: () => {} }
  let socket: WebSocket | undefined
  let timer = 0
  let pauseMs = REOPEN_FIRST_MS
  const open = () => {
    const address = new URL(url('/v1/stream'), location.href)
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:'
    const opened = new WebSocket(address, protocols)
    socket = opened
    opened.addEventListener('open', () => {
      streaming.value = true
      for (const frame of hello()) opened.send(JSON.stringify(frame))
    })
    opened.addEventListener('message', ({ data }: MessageEvent<string>) => {
      pauseMs = REOPEN_FIRST_MS
      receive(JSON.parse(data) as ServerFrame)
    })
    opened.addEventListener('close', () => {
      if (socket !== opened) return
      streaming.value = false
      timer = window.setTimeout(open, pauseMs)
      pauseMs = Math.min(REOPEN_MAX_MS, pauseMs * 2)
    })
  }
  const close = () => {
    clearTimeout(timer)
    const last = socket
    socket = undefined
    streaming.value = false
    last?.close()
  }
  const look = () => {
    if (document.hidden) close()
    else if (socket === undefined) open()
  }
  document.addEventListener('visibilitychange', look)
  look()
  return {
    close() {
      document.removeEventListener('visibilitychange', look)
      close()
    },
  }
}
