import type { ComponentChildren } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { request } from '../../api/http.ts'
import { useAction } from './action.ts'
import { changed, type Drafted } from './drafted.ts'
import { Form } from './form.tsx'

/** Submits something new. A second try after an unclear answer submits nothing twice. */
export function SubmissionForm<Body extends object>({
  path,
  begin,
  done,
  children,
  ...form
}: {
  label: string
  path: string
  /** The values that the form begins with. */
  begin: Body
  pointers: readonly string[]
  submit: string
  done: (id: string) => void
  leave: () => void
  children: (form: Drafted<Body>) => ComponentChildren
}) {
  const [draft, setDraft] = useState(begin)
  const action = useAction()
  const sent = useRef({ body: '', key: '' })
  const send = () =>
    action.act(async () => {
      const body = JSON.stringify(draft)
      // The same values have the same key.
      if (sent.current.body !== body) sent.current = { body, key: `console-${crypto.randomUUID()}` }
      const idempotencyKey = sent.current.key
      const made = await request<{ id: string }>(path, {
        method: 'POST',
        body: draft,
        idempotencyKey,
      })
      done(made.id)
    })
  return (
    <Form {...form} action={action} send={() => void send()}>
      {(at) =>
        children({
          draft,
          change: (name, value) => setDraft((before) => changed(before, name, value)),
          at,
        })
      }
    </Form>
  )
}
