import { useEffect, useState } from 'preact/hooks'
import { ApiError } from '../api/http.ts'
import { askOtherTabs, refusedKey, useKey } from '../api/key.ts'
import { Instant } from '../parts/time.tsx'
import { become, readMe } from '../api/me.ts'

/** A time as the API writes it. */
const ISO_TIME = /(\d{4}-\d{2}-\d{2}T[\d:.]+Z)/

/** Uses a key if the gateway takes it, otherwise returns why the gateway refuses it. */
async function enter(key: string): Promise<string | undefined> {
  try {
    become(await readMe({ key }))
    useKey(key)
    return undefined
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    // Of a key that has ended the gateway says so; of other keys it says only how to send one.
    const isUnknown = error.status === 401 && !/this key/i.test(error.message)
    return isUnknown ? 'The gateway does not know this key.' : error.message
  }
}

/** Asks for the API key and checks it. The key stays in this tab. */
export function KeyEntry() {
  const [text, setText] = useState('')
  const [problem, setProblem] = useState('')
  const [checking, setChecking] = useState(false)

  useEffect(() => {
    void askOtherTabs().then((key) => {
      if (key !== undefined) void enter(key)
    })
  }, [])

  const check = async () => {
    const key = text.trim()
    if (key === '') return setProblem('Enter a key.')
    setChecking(true)
    const refused = await enter(key)
    setChecking(false)
    setProblem(refused ?? '')
  }

  return (
    <section class="key-entry">
      {refusedKey.value === undefined ? (
        <h1 tabIndex={-1}>This fleet needs an API key</h1>
      ) : (
        <>
          <h1 tabIndex={-1}>Your API key is no longer valid</h1>
          <p role="alert">
            <WhyRefused why={refusedKey.value.why} /> Enter another key: the page then continues
            where you are, and keeps what you have entered.
          </p>
        </>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void check()
        }}
      >
        <label for="key">API key</label>
        <input
          id="key"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          value={text}
          aria-describedby="key-note key-problem"
          aria-invalid={problem !== ''}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <p id="key-note" class="muted">
          The key stays in this tab and is sent only to this gateway. The operator of the fleet
          makes keys with <code>agentfleet keys</code> or sets them in <code>API_KEYS</code>.
        </p>
        <p id="key-problem" class="problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="primary" disabled={checking}>
          Use the key
        </button>
      </form>
    </section>
  )
}

/** The gateway's words; a time in them is written as everywhere on the page. */
function WhyRefused({ why }: { why: string }) {
  const [before = '', at, after = ''] = why.split(ISO_TIME)
  if (at === undefined) return <>{why}</>
  return (
    <>
      {before}
      <Instant at={at} />
      {after}
    </>
  )
}
