import type { ComponentChildren } from 'preact'
import { apiKey } from '../api/key.ts'
import { url } from '../shell/router.ts'
import { quoted } from '../task/code.ts'
import { Copyable } from './text.tsx'

/** Why a view is empty, and the command that changes this. */
export function Command({ children, text }: { children: ComponentChildren; text: string }) {
  return (
    <div class="empty">
      <p>{children}</p>
      <Copyable label="the command" text={text} />
    </div>
  )
}

/** A request to this gateway as a command of a shell. A key is named, never shown. */
export function curl(method: 'POST' | 'PUT', path: string, body: object): string {
  const key =
    apiKey.value === undefined ? '' : ' \\\n     -H "authorization: Bearer $AGENTFLEET_KEY"'
  const verb = method === 'POST' ? '' : ` -X ${method}`
  const json = quoted(JSON.stringify(body))
  return `curl${verb} ${location.origin + url(path)}${key} \\\n     -H 'content-type: application/json' -d ${json}`
}
