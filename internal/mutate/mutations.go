package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// A mutant is one small change of one file: the bytes [from, to) become text.
type mutant struct {
	file     string // slash-separated, from the top folder
	path     string // of the same file, absolute
	line     int
	function string // in which it is, or what is declared there
	change   string // for people, on one line; unique in the function
	from, to int
	text     string
}

// key names the mutant in the list of accepted ones. It has no line number, so that changes
// elsewhere in the file do not matter.
func (m mutant) key() string { return m.file + " " + m.function + ": " + m.change }

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d %s: %s", m.file, m.line, m.function, m.change)
}

// find lists the mutants of the package in folder name below dir, in the order of the source. The
// files are those of today's platform without the generated ones.
func find(dir, name string) ([]mutant, error) {
	cmd := exec.Command("go", "list", "-json=GoFiles", "./"+name)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %v\n%s", cmd, err, stderr.Bytes())
	}
	var listed struct{ GoFiles []string }
	if err := json.Unmarshal(out, &listed); err != nil {
		return nil, err
	}
	var all []mutant
	for _, base := range listed.GoFiles {
		full := filepath.Join(dir, filepath.FromSlash(name), base)
		source, err := os.ReadFile(full)
		if err != nil {
			return nil, err
		}
		found, err := mutantsOf(path.Join(name, base), source)
		if err != nil {
			return nil, err
		}
		for i := range found {
			found[i].path = full
		}
		all = append(all, found...)
	}
	return all, nil
}

// mutantsOf lists the mutants of one file.
func mutantsOf(file string, source []byte) ([]mutant, error) {
	set := token.NewFileSet()
	mode := parser.ParseComments | parser.SkipObjectResolution
	tree, err := parser.ParseFile(set, file, source, mode)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(tree) {
		return nil, nil
	}
	s := search{file: file, source: source, set: set, seen: make(map[string]int)}
	for _, decl := range tree.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			s.function, s.kind = functionName(decl), decl.Type
			s.walk(decl)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				if values, ok := spec.(*ast.ValueSpec); ok {
					s.function, s.kind = values.Names[0].Name, nil
					s.walk(spec)
				}
			}
		}
	}
	return s.found, nil
}

// functionName is Name, or Type.Name of a method.
func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	kind := f.Recv.List[0].Type
	for {
		switch t := kind.(type) {
		case *ast.StarExpr:
			kind = t.X
		case *ast.IndexExpr:
			kind = t.X
		case *ast.IndexListExpr:
			kind = t.X
		case *ast.Ident:
			return t.Name + "." + f.Name.Name
		default:
			return f.Name.Name
		}
	}
}

// search walks through one file.
type search struct {
	file     string
	source   []byte
	set      *token.FileSet
	function string
	kind     *ast.FuncType  // of the function around, nil outside
	above    []ast.Node     // the nodes around the current one, outermost first
	seen     map[string]int // how often a key occurred
	found    []mutant
}

func (s *search) walk(node ast.Node) {
	ast.Inspect(node, func(n ast.Node) bool {
		if n == nil {
			s.above = s.above[:len(s.above)-1]
			return true
		}
		s.visit(n)
		s.above = append(s.above, n)
		return true
	})
}

// opposite lists what an operator becomes, in binary expressions.
var opposite = map[token.Token][]string{
	token.LAND: {"||"},
	token.LOR:  {"&&"},
	token.EQL:  {"!="},
	token.NEQ:  {"=="},
	token.LSS:  {"<=", ">="}, // the bound, and the contrary
	token.LEQ:  {"<", ">"},
	token.GTR:  {">=", "<="},
	token.GEQ:  {">", "<"},
	token.ADD:  {"-"},
	token.SUB:  {"+"},
	token.MUL:  {"/"},
	token.QUO:  {"*"},
	token.AND:  {"|"},
	token.OR:   {"&"},
	token.SHL:  {">>"},
	token.SHR:  {"<<"},
}

// assigned does the same for the operators of assignments.
var assigned = map[token.Token]string{
	token.ADD_ASSIGN: "-=",
	token.SUB_ASSIGN: "+=",
	token.OR_ASSIGN:  "&=",
	token.AND_ASSIGN: "|=",
}

// visit adds the mutants of one node.
func (s *search) visit(n ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		for _, text := range opposite[n.Op] {
			s.replace(n, n.OpPos, len(n.Op.String()), text)
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			s.replace(n, n.OpPos, 1, "")
		}
	case *ast.IfStmt:
		s.negate(n.Cond)
	case *ast.ForStmt:
		s.negate(n.Cond)
	case *ast.BasicLit:
		s.number(n)
	case *ast.Ident:
		switch n.Name {
		case "true":
			s.replace(n, n.Pos(), len("true"), "false")
		case "false":
			s.replace(n, n.Pos(), len("false"), "true")
		}
	case *ast.IncDecStmt:
		text := "--"
		if n.Tok == token.DEC {
			text = "++"
		}
		s.replace(n, n.TokPos, 2, text)
	case *ast.AssignStmt:
		if text := assigned[n.Tok]; text != "" {
			s.replace(n, n.TokPos, 2, text)
		}
		if n.Tok != token.DEFINE {
			s.remove(n)
		}
	case *ast.ExprStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
		s.remove(n.(ast.Stmt))
	case *ast.BranchStmt:
		s.remove(n)
	case *ast.ReturnStmt:
		s.remove(n)
		s.succeed(n)
	}
}

// negate turns a condition into its contrary, unless the change of its operator does the same.
func (s *search) negate(cond ast.Expr) {
	switch c := cond.(type) {
	case nil:
	case *ast.UnaryExpr:
	case *ast.BinaryExpr:
		if c.Op == token.LAND || c.Op == token.LOR {
			s.splice(cond, cond.Pos(), cond.End(), "!("+s.text(cond)+")")
		}
	default:
		s.splice(cond, cond.Pos(), cond.End(), "!"+s.text(cond))
	}
}

// number adds one to a whole number, and takes one away.
func (s *search) number(n *ast.BasicLit) {
	if n.Kind != token.INT {
		return
	}
	value, err := strconv.ParseInt(n.Value, 0, 64)
	if err != nil {
		return
	}
	for _, other := range []int64{value + 1, value - 1} {
		text := strconv.FormatInt(other, 10)
		if len(n.Value) > 1 && strings.ContainsAny(n.Value[:2], "xX") && other >= 0 {
			text = "0x" + strconv.FormatInt(other, 16)
		}
		s.splice(n, n.Pos(), n.End(), text)
	}
}

// succeed makes a return statement say nil instead of its error.
func (s *search) succeed(n *ast.ReturnStmt) {
	kind := s.kind
	for _, around := range s.above {
		if literal, ok := around.(*ast.FuncLit); ok {
			kind = literal.Type
		}
	}
	if kind == nil || kind.Results == nil || len(n.Results) == 0 {
		return
	}
	last := kind.Results.List[len(kind.Results.List)-1]
	if name, ok := last.Type.(*ast.Ident); !ok || name.Name != "error" {
		return
	}
	result := n.Results[len(n.Results)-1]
	if s.text(result) != "nil" && len(n.Results) == kind.Results.NumFields() {
		s.splice(n, result.Pos(), result.End(), "nil")
	}
}

// remove takes a statement away.
func (s *search) remove(n ast.Stmt) {
	if len(s.above) > 0 {
		switch s.above[len(s.above)-1].(type) {
		case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
			s.add(n, n.Pos(), n.End(), "", "remove "+ends(flat(s.text(n))))
		}
	}
}

func (s *search) replace(n ast.Node, at token.Pos, length int, text string) {
	s.splice(n, at, at+token.Pos(length), text)
}

// room is how many bytes of the source a description shows.
const room = 64

// splice adds a mutant. Its description shows as much of what is around n as fits.
func (s *search) splice(n ast.Node, from, to token.Pos, text string) {
	shown := n
	for i := len(s.above) - 1; i >= 0; i-- {
		around := s.above[i]
		switch around.(type) {
		case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause, *ast.FuncDecl, *ast.FuncLit:
			i = 0
			continue
		}
		if whole := s.text(around); len(whole) > room || strings.Contains(whole, "\n") {
			break
		}
		shown = around
	}
	before := flat(string(s.source[s.offset(shown.Pos()):s.offset(from)]))
	after := flat(string(s.source[s.offset(to):s.offset(shown.End())]))
	if len(before) > room/2 {
		before = "…" + before[len(before)-room/2:]
	}
	if len(after) > room/2 {
		after = after[:room/2] + "…"
	}
	old := ends(flat(string(s.source[s.offset(from):s.offset(to)])))
	s.add(n, from, to, text, before+old+after+" => "+before+ends(flat(text))+after)
}

func (s *search) add(n ast.Node, from, to token.Pos, text, change string) {
	m := mutant{
		file: s.file, line: s.set.Position(from).Line, function: s.function,
		change: strings.ToValidUTF8(change, ""),
		from:   s.offset(from), to: s.offset(to), text: text,
	}
	s.seen[m.key()]++
	if again := s.seen[m.key()]; again > 1 {
		m.change += fmt.Sprintf(" #%d", again)
	}
	s.found = append(s.found, m)
}

func (s *search) offset(pos token.Pos) int { return s.set.Position(pos).Offset }

func (s *search) text(n ast.Node) string {
	return string(s.source[s.offset(n.Pos()):s.offset(n.End())])
}

// flat makes a line of a text. It keeps one space at either end.
func flat(text string) string {
	line := strings.Join(strings.Fields(text), " ")
	if line == "" && text != "" {
		return " "
	}
	if line != "" && strings.TrimLeft(text, " \t\n") != text {
		line = " " + line
	}
	if line != "" && strings.TrimRight(text, " \t\n") != text {
		line += " "
	}
	return line
}

// ends shortens a text in its middle.
func ends(text string) string {
	if len(text) <= room {
		return text
	}
	return text[:room/2] + " … " + text[len(text)-room/2:]
}
