import js from '@eslint/js';
import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

// Who may import whom: a layer sees the layers after it, never those before.
const LAYERS = ['index', 'plugins', 'views', 'models', 'node'];

/** Files of `layer` import nothing from the layers above it. */
function direction(layer) {
  const above = LAYERS.slice(0, LAYERS.indexOf(layer));
  return {
    files: [`src/${layer}/**`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: `^\\.\\.?/(.*/)?(${above.join('|')})(/|$)`,
              message: `${layer}/ is below ${above.join(', ')}.`
            },
            ...(layer === 'node' || layer === 'models'
              ? [
                  {
                    regex: '^(react|react-dom|@jupyterlab/ui-components|@lumino/widgets)',
                    message: 'No DOM below views/.'
                  }
                ]
              : [])
          ]
        }
      ]
    }
  };
}

/** What comes from a node is text, and stays text. */
const NO_HTML = [
  {
    selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]',
    message: 'Remote text is text, never HTML.'
  },
  {
    selector: 'AssignmentExpression > MemberExpression[property.name=/^(inner|outer)HTML$/]',
    message: 'Remote text is text, never HTML.'
  }
];

/** What people read can be translated. */
const TRANSLATED = [
  {
    // Units and code are the same in every language.
    selector: 'JSXElement:not([openingElement.name.name="code"]) > JSXText[value=/[A-Za-z]{3}/]',
    message: 'Words go through trans.__().'
  },
  {
    selector:
      'JSXAttribute[name.name=/^(title|label|alt|hint|text|aria-label)$/] > Literal[value=/[A-Za-z]{2}/]',
    message: 'Words go through trans.__().'
  }
];

export default tseslint.config(
  { ignores: ['lib/', 'node_modules/'] },
  js.configs.recommended,
  {
    files: ['src/**/*.{ts,tsx}'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    plugins: { 'react-hooks': hooks },
    languageOptions: {
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname }
    },
    rules: {
      ...hooks.configs.recommended.rules,
      complexity: ['error', 10],
      curly: 'error',
      eqeqeq: ['error', 'smart'],
      'max-depth': ['error', 4],
      'max-lines': ['error', 300],
      'max-lines-per-function': ['error', 60],
      'max-params': ['error', 6],
      'no-console': 'error',
      'no-restricted-syntax': ['error', ...NO_HTML, ...TRANSLATED],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { attributes: false } }
      ],
      '@typescript-eslint/unbound-method': 'off'
    }
  },
  ...['plugins', 'views', 'models', 'node'].map(direction),
  {
    files: ['src/plugins/**/*.ts'],
    // `activate` receives every service the plugin asks for.
    rules: { 'max-params': 'off' }
  },
  {
    // A story in one `describe` is as long as it is.
    files: ['src/**/*.test.{ts,tsx}', 'src/testing/**'],
    rules: {
      'max-lines-per-function': 'off',
      'max-params': 'off',
      'no-restricted-syntax': ['error', ...NO_HTML]
    }
  }
);
