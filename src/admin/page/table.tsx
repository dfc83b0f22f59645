import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { classes } from "./components.tsx";

/** Height of a row in pixels, as page.css has it: that it is fixed says which rows are in view without measuring them. */
const ROW_PX = 26;
/** Rows that are there above and below the view. */
const SPARE_ROWS = 12;

export interface Column<Row> {
  /** Name; also of the sort order, if it can be sorted by. */
  readonly key: string;
  readonly title: string;
  /** Width in pixels; without one it shares what is left. */
  readonly widthPx?: number;
  readonly isSortable?: boolean;
  readonly isNumber?: boolean;
  /** Left out below 760 pixels. */
  readonly isWideOnly?: boolean;
  /** Whether it is only there where it leaves room for the first column. */
  readonly isWidestOnly?: boolean;
  cell(row: Row): ComponentChildren;
}

interface TableProps<Row> {
  /** Name of the table for screen readers. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  keyOf(row: Row): string;
  readonly selectedKey?: string | undefined;
  /** Opens a row: its first cell becomes a button. */
  onPick?(row: Row): void;
  /** Order, as the API takes it: `queued`, or `-queued` from the largest. */
  readonly sort?: string;
  onSort?(sort: string): void;
  /** Number of all rows, also those that are not loaded. */
  readonly total?: number;
  /** Called when the last rows come into view. */
  onEnd?(): void;
  /** Called when the view leaves the first rows or comes back to them. */
  onTop?(isAtTop: boolean): void;
  /** Class of a row, such as one that is broken. */
  classOf?(row: Row): string;
  /** Takes a key that was pressed in a row, such as ArrowRight; `true`: it has done something. */
  onKey?(key: string, row: Row): boolean;
  /** Whether a row that has others below it shows them; `undefined`: it has none. */
  expandedOf?(row: Row): boolean | undefined;
  /** Below the last row. */
  readonly foot?: ComponentChildren;
}

/** Table of any number of rows, of which those in view are there. Arrow keys go from row to row, Enter opens. */
export function Table<Row>(props: TableProps<Row>) {
  const { columns, rows, keyOf } = props;
  const list = useRef<HTMLDivElement>(null);
  const view = useView(list, rows.length);
  const [focusIndex, setFocusIndex] = useState(0);
  const focus = useFocus(list);
  useEffect(() => {
    if (view.last >= rows.length && rows.length > 0) props.onEnd?.();
  }, [view.last >= rows.length, rows.length]);
  useEffect(() => props.onTop?.(view.isAtTop), [view.isAtTop]);
  const tabIndexAt = Math.min(focusIndex, rows.length - 1);
  const onKeyDown = (event: KeyboardEvent) => {
    if (!(event.target instanceof HTMLElement && event.target.matches(".pick"))) return;
    const row = rows[tabIndexAt];
    if (row !== undefined && props.onKey?.(event.key, row)) {
      event.preventDefault();
      return;
    }
    const index = nextIndex(event.key, tabIndexAt, rows.length);
    if (index === undefined) return;
    event.preventDefault();
    setFocusIndex(index);
    focus(index);
  };
  return (
    <div
      class="list"
      ref={list}
      onKeyDown={onKeyDown}
      tabIndex={props.onPick === undefined ? 0 : -1}
      role="group"
      aria-label={props.label}
    >
      <table
        aria-label={props.label}
        aria-rowcount={props.total === undefined ? -1 : props.total + 1}
      >
        <Head {...props} />
        <tbody>
          <Space rows={view.first} columns={columns.length} />
          {rows.slice(view.first, view.last).map((row, offset) => {
            const index = view.first + offset;
            return (
              <Line
                key={keyOf(row)}
                table={props}
                row={row}
                index={index}
                isTabStop={index === tabIndexAt}
                onFocus={setFocusIndex}
              />
            );
          })}
          <Space rows={rows.length - view.last} columns={columns.length} />
        </tbody>
      </table>
      {props.foot}
    </div>
  );
}

/** Row; where rows can be picked, its first cell is a button, and one of all is a stop of the Tab key. */
function Line<Row>({ table, row, index, isTabStop, onFocus }: {
  readonly table: TableProps<Row>;
  readonly row: Row;
  readonly index: number;
  readonly isTabStop: boolean;
  readonly onFocus: (index: number) => void;
}) {
  const { columns, keyOf, selectedKey, onPick, expandedOf, classOf } = table;
  const isSelected = keyOf(row) === selectedKey;
  const pick = () => {
    onFocus(index);
    onPick?.(row);
  };
  const button = (cell: ComponentChildren) => (
    <button
      type="button"
      class="pick"
      data-index={index}
      tabIndex={isTabStop ? 0 : -1}
      aria-pressed={isSelected}
      aria-expanded={expandedOf?.(row)}
    >
      {cell}
    </button>
  );
  return (
    <tr aria-rowindex={index + 2} class={classes(classOf?.(row) ?? "", { "is-selected": isSelected })} onClick={pick}>
      {columns.map((column, place) => (
        <td key={column.key} class={columnClass(column)}>
          {place === 0 && onPick !== undefined ? button(column.cell(row)) : column.cell(row)}
        </td>
      ))}
    </tr>
  );
}

function Head<Row>({ columns, sort = "", onSort }: TableProps<Row>) {
  const isDown = sort.startsWith("-");
  const sorted = isDown ? sort.slice(1) : sort;
  return (
    <thead>
      <tr aria-rowindex={1}>
        {columns.map((column) => (
          <th
            key={column.key}
            scope="col"
            class={columnClass(column)}
            ref={(cell) => {
              if (cell !== null) {
                cell.style.width = column.widthPx === undefined ? "" : `${column.widthPx}px`;
              }
            }}
            aria-sort={column.key === sorted ? (isDown ? "descending" : "ascending") : undefined}
          >
            {column.isSortable && onSort !== undefined
              ? (
                <button
                  type="button"
                  onClick={() => onSort(nextSort(column, sort))}
                >
                  {column.title}
                  {column.key === sorted && <span aria-hidden="true">{isDown ? " ↓" : " ↑"}</span>}
                </button>
              )
              : column.title}
          </th>
        ))}
      </tr>
    </thead>
  );
}

/** Place of rows that are not in view. */
function Space(
  { rows, columns }: { readonly rows: number; readonly columns: number },
) {
  if (rows <= 0) return null;
  return (
    <tr class="space" aria-hidden="true">
      <td
        colSpan={columns}
        ref={(cell) => {
          if (cell !== null) cell.style.height = `${rows * ROW_PX}px`;
        }}
      />
    </tr>
  );
}

function columnClass<Row>({ isNumber, isWideOnly, isWidestOnly }: Column<Row>): string {
  return classes("", { number: isNumber, "wide-only": isWideOnly, "widest-only": isWidestOnly });
}

/** Numbers are wanted from the largest first, texts from A. */
function nextSort<Row>({ key, isNumber }: Column<Row>, sort: string): string {
  const down = `-${key}`;
  if (isNumber) return sort === down ? key : down;
  return sort === key ? down : key;
}

function nextIndex(
  key: string,
  index: number,
  length: number,
): number | undefined {
  const page = 15;
  const moves: Readonly<Record<string, number>> = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    PageDown: index + page,
    PageUp: index - page,
    Home: 0,
    End: length - 1,
  };
  const next = moves[key];
  return next === undefined ? undefined : Math.max(0, Math.min(next, length - 1));
}

interface View {
  /** Index of the first row that is there, and the one after the last. */
  readonly first: number;
  readonly last: number;
  readonly isAtTop: boolean;
}

function useView(
  list: { readonly current: HTMLDivElement | null },
  length: number,
): View {
  const [[top, height], setScroll] = useState<readonly [number, number]>([
    0,
    800,
  ]);
  useEffect(() => {
    const element = list.current;
    if (element === null) return undefined;
    const read = () => {
      // Steps of four rows, so that scrolling draws a few times a second and not at each pixel.
      const step = ROW_PX * 4;
      setScroll(([oldTop, oldHeight]) => {
        const top = Math.floor(element.scrollTop / step) * step;
        return top === oldTop && element.clientHeight === oldHeight ? [oldTop, oldHeight] : [top, element.clientHeight];
      });
    };
    const observer = new ResizeObserver(read);
    observer.observe(element);
    element.addEventListener("scroll", read, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", read);
    };
  }, []);
  const first = Math.max(0, Math.floor(top / ROW_PX) - SPARE_ROWS);
  const last = Math.ceil((top + height) / ROW_PX) + SPARE_ROWS;
  return {
    first: Math.min(first, Math.max(0, length - 1)),
    last: Math.min(length, last),
    isAtTop: top === 0,
  };
}

/** Moves the focus to a row, which may have to come into view first. */
function useFocus(
  list: { readonly current: HTMLDivElement | null },
): (index: number) => void {
  return (index) => {
    const element = list.current;
    if (element === null) return;
    const top = index * ROW_PX;
    const room = element.clientHeight - 2 * ROW_PX; // The head and the row itself.
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top > element.scrollTop + room) element.scrollTop = top - room;
    requestAnimationFrame(() => {
      requestAnimationFrame(() =>
        element.querySelector<HTMLElement>(`.pick[data-index="${index}"]`)
          ?.focus()
      );
    });
  };
}
