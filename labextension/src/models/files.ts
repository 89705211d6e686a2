import type { Events } from '../node/events';
import type { IFile, IFiles } from '../node/fileTypes';
import type { Requests } from '../node/requests';
import { Model } from './model';
import { isContentUri, sha1Of } from './transfer';

/** What part of the catalog is shown. */
export interface IFilesQuery {
  /** Text in the name, the kind or the hash. */
  search: string;
  /** One kind, or '' for all. */
  kind: string;
}

/** Rows of one request: several screens of them, a few milliseconds of work. */
const PAGE = 100;
/** While somebody types nothing is asked, in ms. */
const TYPING = 150;
/** This many pages are remembered; scrolling back over more of them asks again. */
const MOST_PAGES = 200;

interface IPage {
  rows: IFile[];
  /** Pages of an older generation are shown, and asked for again. */
  generation: number;
}

/**
 * The catalog: any number of rows, of which only those near the screen are known.
 *
 * Rows that are asked for again stay as they were until the answer comes, so nothing flickers.
 */
export class FilesModel extends Model {
  constructor(requests: Requests, events: Events) {
    super(requests, events, ['files']);
  }

  /** How many rows match the query. */
  get count(): number {
    return this._count;
  }
  /** How many contents the node holds. */
  get total(): number {
    return this._total;
  }
  get query(): Readonly<IFilesQuery> {
    return this._query;
  }
  /** The rows that are shown are not yet those of the query. */
  get searching(): boolean {
    return this._shown !== this._query;
  }
  get selected(): IFile | null {
    return this._selected;
  }
  /** The row of the selected content, -1 if there is none or it is not known. */
  get selectedIndex(): number {
    return this._index;
  }

  /** The content of a row; undefined while it is not known. */
  row(index: number): IFile | undefined {
    return this._pages.get(Math.floor(index / PAGE))?.rows[index % PAGE];
  }

  /** Which rows are on the screen, `last` included: they are asked for if they are not known. */
  show(first: number, last: number): void {
    this._range = [Math.max(0, first), Math.max(first, last)];
    if (this._due().length > 0) {
      void super.refresh();
    }
  }

  /** Another part of the catalog; asked for when nothing was typed for a moment. */
  setQuery(change: Partial<IFilesQuery>): void {
    const query = { ...this._query, ...change };
    if (query.search === this._query.search && query.kind === this._query.kind) {
      return;
    }
    this._query = query;
    this._range = [0, PAGE - 1];
    clearTimeout(this._timer);
    this._timer = setTimeout(() => void this.refresh(), 'search' in change ? TYPING : 0);
    this.emit();
  }

  /** Everything may have changed. */
  override refresh(): Promise<void> {
    this._generation += 1;
    if (this._asking?.query !== this._query) {
      this._asking?.abort.abort();
    }
    return super.refresh();
  }

  /** Select a row, or none (-1); one that is not known yet is as soon as it is. */
  select(index: number): void {
    this._index = Math.min(index, this._count - 1);
    this._selected = this.row(this._index) ?? null;
    this._wanted = '';
    this.emit();
  }

  /** Select a content by its SHA-1, once it is among the rows that are known. */
  reveal(sha1: string): void {
    this._wanted = sha1;
    this._find(sha1);
    this.emit();
  }

  async pin(file: IFile, pinned: boolean): Promise<void> {
    await this.requests.post(`files/${file.sha1}/pin`, { pinned });
    await this.refresh();
  }

  /** Move a content to the trash, from where `restore` brings it back. */
  async remove(file: IFile): Promise<void> {
    await this.requests.delete(`files/${file.sha1}`);
    if (this._selected?.sha1 === file.sha1) {
      // Its neighbour comes to its place.
      this._selected = null;
    }
    await this.refresh();
  }

  async restore(file: IFile): Promise<void> {
    await this.requests.post(`files/${file.sha1}/restore`);
    this._wanted = file.sha1;
    await this.refresh();
  }

  override dispose(): void {
    clearTimeout(this._timer);
    this._asking?.abort.abort();
    super.dispose();
  }

  protected async fetch(): Promise<void> {
    const { _query: query, _generation: generation } = this;
    const pages = this._due();
    const abort = new AbortController();
    this._asking = { query, abort };
    try {
      const answers = await Promise.all(pages.map(page => this._ask(page, query, abort.signal)));
      this._take(query, generation, pages, answers);
    } finally {
      abort.abort();
      this._asking = null;
    }
  }

  private _ask(page: number, query: IFilesQuery, signal: AbortSignal): Promise<IFiles> {
    const { search, kind } = query;
    // Of a URI only the hash counts: the same content may be here under another name.
    const text = isContentUri(search) ? sha1Of(search) : search.trim();
    const range = { limit: PAGE, offset: page * PAGE };
    return this.requests.get<IFiles>('files', {
      query: { search: text || undefined, kind: kind || undefined, ...range },
      signal
    });
  }

  private _take(query: IFilesQuery, generation: number, pages: number[], answers: IFiles[]): void {
    if (query !== this._query) {
      return;
    }
    if (this._shown !== query) {
      this._shown = query;
      this._pages.clear();
      this._index = -1;
    }
    answers.forEach((answer, index) => {
      this._pages.delete(pages[index]);
      this._pages.set(pages[index], { rows: answer.files, generation });
      this._total = answer.total;
      this._count = answer.found ?? answer.total;
    });
    this._forget();
    this._findSelected();
  }

  /** Pages on the screen that are not known, or not of this generation. */
  private _due(): number[] {
    const last = this._known ? Math.min(this._range[1], this._count - 1) : this._range[1];
    const due = [];
    for (let page = Math.floor(this._range[0] / PAGE); page <= Math.floor(last / PAGE); page++) {
      if (this._pages.get(page)?.generation !== this._generation) {
        due.push(page);
      }
    }
    // An empty or shrunken catalog still has to be asked how large it is.
    return due.length === 0 && !this._isFresh() ? [0] : due;
  }

  private get _known(): boolean {
    return this._pages.size > 0 && !this.searching;
  }

  private _isFresh(): boolean {
    const pages = [...this._pages.values()];
    return !this.searching && pages.some(page => page.generation === this._generation);
  }

  private _forget(): void {
    for (const page of this._pages.keys()) {
      if (this._pages.size <= MOST_PAGES) {
        return;
      }
      this._pages.delete(page);
    }
  }

  /** The selected content may be in another row now, or gone. */
  private _findSelected(): void {
    const sha1 = this._wanted || this._selected?.sha1;
    if (sha1) {
      this._find(sha1);
    } else if (this._index >= 0) {
      this._index = Math.min(this._index, this._count - 1);
      this._selected = this.row(this._index) ?? null;
    }
  }

  private _find(sha1: string): void {
    for (const [page, { rows }] of this._pages) {
      const place = rows.findIndex(row => row.sha1 === sha1);
      if (place >= 0) {
        this._index = page * PAGE + place;
        this._selected = rows[place];
        this._wanted = '';
        return;
      }
    }
    // What is selected may be on a page that was not asked for again; only a new query lets it go.
    if (!this._wanted && (this._index < 0 || this._index >= this._count)) {
      this._index = -1;
      this._selected = null;
    }
  }

  private _asking: { query: IFilesQuery; abort: AbortController } | null = null;
  private _count = 0;
  private _generation = 1;
  private _index = -1;
  private _pages = new Map<number, IPage>();
  private _query: IFilesQuery = { search: '', kind: '' };
  private _range: [number, number] = [0, PAGE - 1];
  private _selected: IFile | null = null;
  private _shown: IFilesQuery | null = null;
  private _timer: ReturnType<typeof setTimeout> | undefined;
  private _total = 0;
  private _wanted = '';
}
