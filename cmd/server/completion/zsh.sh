#compdef smartsocket-server
# Completions of smartsocket-server for zsh. Write the output to a file _smartsocket-server in a
# folder of $fpath, or use them in this shell:
#   source <(smartsocket-server completion zsh)
_smartsocket-server() {
	local -a words_of_program server load ops
	words_of_program=({{range .Words}}
		'{{.Name}}:{{zsh .Help}}'{{end}}
	)
	server=({{range .Server}}
		'-{{.Name}}[{{zsh .Help}}]
		{{- if .File}}:file:_files{{else if .Choices}}:value:({{join .Choices " "}}){{end}}'{{end}}
	)
	load=({{range .Load}}
		'-{{.Name}}[{{zsh .Help}}]
		{{- if .File}}:file:_files{{else if .Choices}}:value:({{join .Choices " "}}){{end}}'{{end}}
	)
	ops=({{range .Ops}}
		'-{{.Name}}[{{zsh .Help}}]
		{{- if .File}}:file:_files{{else if .Choices}}:value:({{join .Choices " "}}){{end}}'{{end}}
	)
	if ((CURRENT == 2)) && [[ ${words[2]} != -* ]]; then
		_describe word words_of_program
		return
	fi
	case ${words[2]} in
	completion) compadd bash zsh fish ;;
	tail | emit) _arguments $ops '*: :' ;;
	report) _arguments $ops '*:file:_files' ;;
	loadtest) _arguments $load '*: :' ;;
	*) _arguments $server '*: :{_describe word words_of_program}' ;;
	esac
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
	_smartsocket-server "$@"
else
	compdef _smartsocket-server smartsocket-server
fi
