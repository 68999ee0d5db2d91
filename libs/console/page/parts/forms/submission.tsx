import type { ComponentChildren } from 'preact'
import { useRef } from 'preact/hooks'
import { once, request } from '../../api/http.ts'
import { useAction } from './action.ts'
import { useDraft, type Drafted } from './drafted.ts'
import { Form, type FormProps } from './form.tsx'

/** Submits something new. A second try after an unclear answer submits nothing twice. */
export function SubmissionForm<Body extends object>({
  path,
  begin,
  done,
  children,
  ...form
}: Omit<FormProps, 'action' | 'send' | 'children'> & {
  path: string
  /** The values that the form begins with. */
  begin: Body
  done: (id: string) => void
  children: (form: Drafted<Body>) => ComponentChildren
}) {
  const drafted = useDraft(begin)
  const action = useAction()
  const sent = useRef<{ text: string; headers: ReturnType<typeof once> }>(undefined)
  const send = () =>
    action.act(async () => {
      const text = JSON.stringify(drafted.draft)
      // The same values have the same key.
      if (sent.current?.text !== text) sent.current = { text, headers: once() }
      const { headers } = sent.current
      const body = drafted.draft
      const made = await request<{ id: string }>(path, { method: 'POST', body, headers })
      done(made.id)
    })
  return (
    <Form {...form} action={action} send={() => void send()}>
      {(at) => children({ ...drafted, at })}
    </Form>
  )
}
