@echo off
rem Halcyon's command line: finds a JDK, builds what is stale, runs the command from wherever you are.
rem
rem   halcyon [-Dkey=value | -Xmx8g ...] <command> ...       halcyon --help lists the commands
rem
rem Java options in front of the command go to the JVM; HALCYON_JAVA_OPTS holds more of them.
setlocal EnableExtensions DisableDelayedExpansion
set "home=%~dp0"
set "classes=%home%bench\target\classes"
set "libraries=%home%bench\target\classpath.txt"
set "stamp=%home%bench\target\halcyon.stamp"

set "jdk="
if defined JAVA_HOME call :consider "%JAVA_HOME%"
for /f "delims=" %%j in ('where java 2^>nul') do call :consider "%%~dpj.."
for /d %%j in ("%ProgramFiles%\Eclipse Adoptium\jdk-*" "%ProgramFiles%\Java\jdk-*" "%ProgramFiles%\Microsoft\jdk-*" "%ProgramFiles%\Zulu\zulu-*" "%ProgramFiles%\Amazon Corretto\jdk*" "%USERPROFILE%\.jdks\*") do call :consider "%%~j"
if not defined jdk (
    echo halcyon: a JDK 25 or later is needed; install one, for example from https://adoptium.net, or set JAVA_HOME to where it is 1>&2
    exit /b 3
)

powershell -NoProfile -Command "$s = Get-Item -ErrorAction Ignore '%stamp%'; if (-not $s -or -not (Test-Path '%libraries%')) { exit 1 }; $n = Get-ChildItem -Recurse -File '%home%*\src\main', '%home%pom.xml', '%home%*\pom.xml' | Where-Object LastWriteTime -gt $s.LastWriteTime | Select-Object -First 1; if ($n) { exit 1 }; foreach ($e in (@('%classes%') + (Get-Content -Raw '%libraries%').Trim().Split(';'))) { if (-not (Test-Path $e)) { exit 1 } }"
if errorlevel 1 call :build || exit /b 3

rem Java options lead the arguments; cmd itself would cut -Dkey=value at the equals sign.
set "options="
set "rest=%*"
:split
set "head="
set "tail="
for /f "tokens=1* delims= " %%a in ("%rest%") do (
    set "head=%%a"
    set "tail=%%b"
)
if not "%head:~0,2%"=="-D" if not "%head:~0,2%"=="-X" goto run
set "options=%options% %head%"
set "rest=%tail%"
if defined rest goto split

:run
for /f "usebackq delims=" %%c in ("%libraries%") do set "CLASSPATH=%classes%;%%c"
"%jdk%\bin\java" --add-modules jdk.incubator.vector --enable-native-access=ALL-UNNAMED -Dai.djl.offline=true %HALCYON_JAVA_OPTS% %options% dev.halcyon.bench.Main %rest%
exit /b %errorlevel%

:consider
if defined jdk exit /b
if not exist "%~1\bin\javac.exe" exit /b
findstr /r /c:"^JAVA_VERSION=.2[5-9]" /c:"^JAVA_VERSION=.[3-9][0-9]" "%~1\release" >nul 2>nul && set "jdk=%~f1"
exit /b 0

:build
where mvn >nul 2>nul || (
    echo halcyon: Maven 3.8 or later is needed to build; install it from https://maven.apache.org 1>&2
    exit /b 3
)
echo halcyon: building (the first time takes about a minute)... 1>&2
if not exist "%home%bench\target" mkdir "%home%bench\target"
echo built> "%stamp%.new"
setlocal
set "JAVA25_HOME=%jdk%"
if not defined JAVA_HOME set "JAVA_HOME=%jdk%"
pushd "%home%"
call mvn -q -B -Dstyle.color=never -pl bench -am process-classes 1>&2
set "failed=%errorlevel%"
popd
endlocal & if not "%failed%"=="0" (
    echo halcyon: the build failed, see above 1>&2
    exit /b 3
)
move /y "%stamp%.new" "%stamp%" >nul
exit /b 0
