import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Button } from '../button.tsx'
import { ApiError, request } from '../../api/http.ts'
import { useAction } from './action.ts'
import { Diff } from './diff.tsx'
import { useDraft, type Drafted } from './drafted.ts'
import { Form, type FormProps } from './form.tsx'

/** A stored definition that the reader began to change; version 0 stands for none. */
export interface Base<Definition> {
  readonly version: number
  readonly definition: Definition
}

interface VersionedProps<Definition extends object> extends Pick<
  FormProps,
  'label' | 'pointers' | 'leave'
> {
  /** Where the definition is stored in the API. */
  readonly path: string
  readonly base: Base<Definition>
  /** Reads the newest version, which another client has stored. */
  readonly read: () => Promise<Base<Definition>>
  /** The change is stored, or the reader takes the newest version. */
  readonly done: () => void
  readonly children: (form: Drafted<Definition>) => ComponentChildren
}

/**
 * Changes a stored definition. If another client has changed the definition meanwhile, the form shows both changes
 * and the reader decides.
 */
export function VersionedForm<Definition extends object>({
  path,
  base,
  read,
  done,
  children,
  ...form
}: VersionedProps<Definition>) {
  const [from, setFrom] = useState(base)
  const drafted = useDraft(base.definition)
  const { draft } = drafted
  const [theirs, setTheirs] = useState<Base<Definition>>()
  const action = useAction()

  const save = (over: Base<Definition>) =>
    action.act(async () => {
      try {
        await request(path, {
          method: 'PUT',
          body: draft,
          headers:
            over.version === 0 ? { 'if-none-match': '*' } : { 'if-match': `"${over.version}"` },
        })
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 'version-mismatch') throw error
        const newest = await read()
        // The answer to an earlier try got lost: what the reader wants is stored.
        if (!same(newest.definition, draft)) return setTheirs(newest)
      }
      done()
    })
  const rebase = (onto: Base<Definition>) => {
    setFrom(onto)
    setTheirs(undefined)
  }

  if (theirs !== undefined) {
    return (
      <Conflict from={from} theirs={theirs} draft={draft}>
        <Button
          class="primary"
          disabled={action.busy}
          act={() => {
            rebase(theirs)
            void save(theirs)
          }}
        >
          Save mine as a new version
        </Button>
        <Button act={() => rebase(theirs)}>Edit mine further</Button>
        <Button act={done}>Take version {theirs.version}</Button>
      </Conflict>
    )
  }
  return (
    <Form
      {...form}
      action={action}
      send={() => void save(from)}
      submit={from.version === 0 ? 'Save' : 'Save as a new version'}
    >
      {(at) => (
        <>
          {children({ ...drafted, at })}
          <h2>What changes</h2>
          <Diff before={from.definition} after={draft} label="Your change" />
        </>
      )}
    </Form>
  )
}

/** Whether two definitions have the same fields with the same values, in any order. */
function same(a: object, b: object): boolean {
  const sorted = (value: object) =>
    JSON.stringify(Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)))
  return sorted(a) === sorted(b)
}

function Conflict({
  from,
  theirs,
  draft,
  children,
}: {
  from: Base<object>
  theirs: Base<object>
  draft: object
  /** What the reader can do. */
  children: ComponentChildren
}) {
  return (
    <section class="box" role="alert" aria-labelledby="conflict">
      <h2 id="conflict">Version {theirs.version} was saved while you edited</h2>
      <p>
        {from.version === 0
          ? 'Your text is based on no stored version.'
          : `Your change is based on version ${from.version}.`}{' '}
        Nothing of it is lost.
      </p>
      <h2>What the other one changed</h2>
      <Diff before={from.definition} after={theirs.definition} label="The other change" />
      <h2>What your text changes in version {theirs.version}</h2>
      <Diff before={theirs.definition} after={draft} label="Your change in the newest version" />
      <p class="row">{children}</p>
    </section>
  )
}
