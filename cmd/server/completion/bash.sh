# Completions of smartsocket-server for bash. To use them in this shell:
#   source <(smartsocket-server completion bash)
# To have them in every new one, write the output to
#   ~/.local/share/bash-completion/completions/smartsocket-server
_smartsocket_server() {
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
	COMPREPLY=()
	case ${COMP_WORDS[1]}:${before#-} in
	completion:*)
		mapfile -t COMPREPLY < <(compgen -W 'bash zsh fish' -- "$current")
		return ;;
{{- range .Load}}{{if .File}}
	loadtest:{{.Name}} | loadtest:-{{.Name}})
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return ;;
{{- else if .Choices}}
	loadtest:{{.Name}} | loadtest:-{{.Name}})
		mapfile -t COMPREPLY < <(compgen -W '{{join .Choices " "}}' -- "$current")
		return ;;
{{- end}}{{end}}
	loadtest:*)
		mapfile -t COMPREPLY < <(compgen -W '{{range .Load}}-{{.Name}} {{end}}' -- "$current")
		return ;;
{{- range .Ops}}{{if .Choices}}
	tail:{{.Name}} | tail:-{{.Name}})
		mapfile -t COMPREPLY < <(compgen -W '{{join .Choices " "}}' -- "$current")
		return ;;
{{- else if .File}}
	tail:{{.Name}} | tail:-{{.Name}} | emit:{{.Name}} | emit:-{{.Name}} | report:{{.Name}} | report:-{{.Name}})
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return ;;
{{- end}}{{end}}
	tail:* | emit:* | report:*)
		mapfile -t COMPREPLY < <(compgen -W '{{range .Ops}}-{{.Name}} {{end}}' -- "$current")
		return ;;
{{- range .Server}}{{if .File}}
	*:{{.Name}} | *:-{{.Name}})
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return ;;
{{- else if .Choices}}
	*:{{.Name}} | *:-{{.Name}})
		mapfile -t COMPREPLY < <(compgen -W '{{join .Choices " "}}' -- "$current")
		return ;;
{{- end}}{{end}}
	esac
	case $current in
	-*) mapfile -t COMPREPLY < <(compgen -W '{{range .Server}}-{{.Name}} {{end}}' -- "$current") ;;
	*) mapfile -t COMPREPLY < <(compgen -W '{{range .Words}}{{.Name}} {{end}}' -- "$current") ;;
	esac
}
complete -o default -F _smartsocket_server smartsocket-server
