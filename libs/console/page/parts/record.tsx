import type { ComponentChildren } from 'preact'
import type { Loaded } from '../api/load.ts'
import { linkTo } from '../shell/router.ts'
import type { ViewName } from '../shell/routes.ts'
import { Panel } from './panel.tsx'

/** The frame of a view of one record: its name, the way to all records, and what to do if it does not exist. */
export function Record<Value>({
  kind,
  name,
  view,
  query = {},
  beside,
  missing,
  loaded,
  children,
}: {
  /** What the record is: `Task`, `Schedule`. */
  kind: string
  name?: string
  /** The view that lists all records of this kind. */
  view: ViewName
  /** The filters of the list that the reader came from. */
  query?: Readonly<{ [name: string]: string }> | undefined
  /** Further ways out of this view. */
  beside?: ComponentChildren
  /** What a reader should know about a record that does not exist, beyond the words of the API. */
  missing?: string
  loaded: Loaded<Value>
  children: (value: Value) => ComponentChildren
}) {
  const { value, error } = loaded
  return (
    <>
      <h1 tabIndex={-1}>
        {kind} {name !== undefined && <span class="id">{name}</span>}
      </h1>
      <div class="row">
        <a href={linkTo(view, undefined, query)}>All {kind.toLowerCase()}s</a>
        {beside}
      </div>
      {value === undefined && error?.status === 404 ? (
        <section role="alert">
          <p class="headline">{error.title}</p>
          <p>
            {missing} {error.message} <code>{error.code}</code>
          </p>
        </section>
      ) : (
        <Panel loaded={loaded}>{children}</Panel>
      )}
    </>
  )
}
