import { type ISignal, Signal } from '@lumino/signaling';
import type { FilesModel } from './files';
import type { Memory } from './memory';
import type { PreviewModel } from './preview';

const PREVIEW_HEIGHT = 220;

/** How the person left the section Files, from one visit to the next. */
export class FilesPanel {
  constructor(
    private readonly _memory: Memory,
    files: FilesModel,
    preview: PreviewModel
  ) {
    void _memory.ready.then(() => {
      files.setQuery({
        search: _memory.get('files.search', ''),
        kind: _memory.get('files.kind', '')
      });
      files.reveal(_memory.get('files.selected', ''));
      if (_memory.get('files.preview', false)) {
        preview.open(files.selected);
      }
      this._changed.emit();
      files.changed.connect(() => this._keep(files));
      preview.changed.connect(() => this._set('files.preview', preview.isOpen));
    });
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }
  /** Height of the preview, in px. */
  get previewHeight(): number {
    return this._memory.get('files.previewHeight', PREVIEW_HEIGHT);
  }
  set previewHeight(height: number) {
    this._set('files.previewHeight', height);
  }
  /** Whether the field for a URI is shown. */
  get hasLoadField(): boolean {
    return this._hasLoadField;
  }

  setLoadField(shown: boolean): void {
    this._hasLoadField = shown;
    this._changed.emit();
  }

  private _keep(files: FilesModel): void {
    this._set('files.search', files.query.search);
    this._set('files.kind', files.query.kind);
    this._set('files.selected', files.selected?.sha1 ?? '');
  }

  private _set(key: string, value: string | number | boolean): void {
    if (this._memory.get<string | number | boolean | null>(key, null) !== value) {
      this._memory.set(key, value);
    }
  }

  private _changed = new Signal<this, void>(this);
  private _hasLoadField = false;
}
