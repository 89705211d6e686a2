import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';
import type { IPreviewed } from '../../models/preview';
import { hexLines } from '../../models/previews';
import { visible } from '../../models/visible';
import { downloadUrl } from '../../node/downloads';
import type {
  IBytesPreview,
  IFolderPreview,
  IImagePreview,
  IJsonPreview,
  ITablePreview,
  ITextPreview,
  Preview
} from '../../node/previewTypes';
import type { Requests } from '../../node/requests';
import { bytes, count } from '../parts/format';
import { ArrayPreview } from './arrayPreview';
import { JsonTree } from './jsonTree';

interface IProps<P extends Preview = Preview> {
  preview: P;
  subject: IPreviewed;
  requests: Requests;
  trans: TranslationBundle;
}

/** A little of a content, as its kind is best looked at. What it says is text, never HTML. */
export function PreviewBody({ preview, ...rest }: IProps): ReactElement {
  switch (preview.type) {
    case 'array':
      return <ArrayPreview preview={preview} trans={rest.trans} />;
    case 'json':
      return <Json preview={preview} {...rest} />;
    case 'text':
      return <Text preview={preview} {...rest} />;
    case 'table':
      return <Table preview={preview} {...rest} />;
    case 'image':
      return <Picture preview={preview} {...rest} />;
    case 'folder':
      return <Folder preview={preview} {...rest} />;
    case 'bytes':
      return <Bytes preview={preview} {...rest} />;
    default:
      return (
        <p className="kachery-Preview-note">{rest.trans.__('There is no preview of this.')}</p>
      );
  }
}

function Json({ preview, trans }: IProps<IJsonPreview>): ReactElement {
  return (
    <>
      <JsonTree value={preview.value} />
      <Cut cut={preview.cut} trans={trans} />
    </>
  );
}

function Text({ preview, trans }: IProps<ITextPreview>): ReactElement {
  return (
    <>
      <pre className="kachery-Preview-text">{preview.text}</pre>
      <Cut cut={preview.cut} trans={trans} />
    </>
  );
}

function Table({ preview, trans }: IProps<ITablePreview>): ReactElement {
  return (
    <>
      <table className="kachery-Preview-table">
        <thead>
          <tr>
            {preview.columns.map((name, index) => (
              <th key={index} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {preview.rows.map((row, index) => (
            <tr key={index}>
              {row.map((value, column) => (
                <td key={column} className={isNumber(value) ? 'kachery-mod-number' : undefined}>
                  {value}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <Cut cut={preview.cut} trans={trans} />
    </>
  );
}

/** Only of types that are pictures and nothing else; the server refuses to show others. */
function Picture({ preview, subject, requests, trans }: IProps<IImagePreview>): ReactElement {
  const url = downloadUrl(requests, subject.sha1, { inline: true });
  const { width, height, mimetype } = preview;
  return (
    <figure className="kachery-Preview-picture">
      <img src={url} alt={trans.__('The image %1', visible(subject.name))} />
      <figcaption>
        {width && height ? `${width} × ${height} · ` : ''}
        {mimetype}
      </figcaption>
    </figure>
  );
}

function Folder({ preview, trans }: IProps<IFolderPreview>): ReactElement {
  return (
    <>
      <p className="kachery-Preview-note">
        {trans._n('%1 file', '%1 files', preview.entries.length)}
      </p>
      <table className="kachery-Preview-table">
        <tbody>
          {preview.entries.map(({ name, size, uri }) => (
            <tr key={name} title={uri}>
              <td>{visible(name)}</td>
              <td className="kachery-mod-number">{bytes(size)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Cut cut={preview.cut} trans={trans} />
    </>
  );
}

function Bytes({ preview, trans }: IProps<IBytesPreview>): ReactElement {
  const lines = hexLines(preview.hex);
  return (
    <>
      <pre className="kachery-Preview-hex" aria-label={trans.__('The first bytes')}>
        {lines.map(({ address, bytes: some, text }) => `${address}  ${some.padEnd(47)}  ${text}\n`)}
      </pre>
      <p className="kachery-Preview-note">
        {preview.problem ?? trans.__('The first %1 bytes.', count(preview.hex.length / 2))}
      </p>
    </>
  );
}

function Cut({ cut, trans }: { cut: boolean; trans: TranslationBundle }): ReactElement | null {
  return cut ? (
    <p className="kachery-Preview-note">{trans.__('Only the beginning is shown.')}</p>
  ) : null;
}

function isNumber(value: string): boolean {
  return /^-?\d[\d.e+-]*$/i.test(value);
}
